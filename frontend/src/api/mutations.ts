import { useMutation, useQueryClient } from "@tanstack/react-query";

import {
  sessionCreate,
  sessionDelete,
  simulatorStart,
  simulatorStop,
  streamingJobDrain,
  streamingJobStart,
} from "./generated";
import { keys } from "./keys";

export function useLogin() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (body: { username: string; password: string }) => (await sessionCreate({ body })).data,
    onSuccess: (session) => client.setQueryData(keys.session, session),
  });
}

export function useLogout() {
  const client = useQueryClient();
  return useMutation({
    mutationFn: () => sessionDelete(),
    onSuccess: () => {
      client.clear();
      client.setQueryData(keys.session, { user: null });
    },
  });
}

interface Move<Name extends string> {
  move: Name;
  reason: string;
}

/** What came of it is told by the live messages; here only what was fetched of the history is out of date. */
export function useStreamingJobMove(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async ({ move, reason }: Move<"start" | "drain">) => {
      const call = move === "start" ? streamingJobStart : streamingJobDrain;
      return (await call({ path: { name }, body: { reason } })).data;
    },
    onSuccess: () => client.invalidateQueries({ queryKey: keys.streamingJob(name) }),
  });
}

export function useSimulatorMove(name: string) {
  return useMutation({
    mutationFn: async ({ move, reason }: Move<"start" | "stop">) => {
      const call = move === "start" ? simulatorStart : simulatorStop;
      return (await call({ path: { name }, body: { reason } })).data;
    },
  });
}
