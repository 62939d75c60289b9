import { MutationCache, QueryCache, QueryClient } from "@tanstack/react-query";

import { keys } from "@/api/keys";
import { Problem } from "@/api/problem";

const UNAUTHORIZED = 401;
const RETRIES = 2;

/** The cache of everything fetched. A login that has ended is noticed at whatever call meets it first. */
export function makeQueryClient(): QueryClient {
  const noticeEndedLogin = (error: Error) => {
    const ended = error instanceof Problem && error.status === UNAUTHORIZED && error.code !== "login_failed";
    if (ended) client.setQueryData(keys.session, { user: null });
  };
  const client = new QueryClient({
    queryCache: new QueryCache({ onError: noticeEndedLogin }),
    mutationCache: new MutationCache({ onError: noticeEndedLogin }),
    defaultOptions: {
      queries: {
        // On one machine the control plane answers whether or not there is a network.
        networkMode: "always",
        staleTime: 30_000,
        refetchOnWindowFocus: false,
        retry: (failures, error) =>
          failures < RETRIES && error instanceof Problem && (error.status === 0 || error.status >= 500),
      },
      mutations: { networkMode: "always" },
    },
  });
  return client;
}
