import { infiniteQueryOptions, queryOptions, useQuery } from "@tanstack/react-query";

import type { Range } from "@/app/page";

import {
  environmentGet,
  Metric,
  overviewGet,
  pipelineVersionsList,
  seriesGet,
  sessionGet,
  streamingJobGet,
  streamingJobPreflight,
} from "./generated";
import { keys } from "./keys";

export function sessionQuery() {
  return queryOptions({
    queryKey: keys.session,
    queryFn: async ({ signal }) => (await sessionGet({ signal })).data,
    staleTime: Infinity,
  });
}

export function environmentQuery() {
  return queryOptions({
    queryKey: keys.environment,
    queryFn: async ({ signal }) => (await environmentGet({ signal })).data,
    staleTime: 300_000,
  });
}

export function useEnvironment() {
  return useQuery(environmentQuery());
}

/** The snapshot of a pipeline's live topic, always from the server: the socket decides when it is needed. */
export function overviewQuery(name: string) {
  return queryOptions({
    queryKey: keys.overview(name),
    queryFn: async ({ signal }) => (await overviewGet({ path: { name }, signal })).data,
    staleTime: 0,
  });
}

/** Every metric of the page in one request. The range ends now, whenever that is. */
export function seriesQuery(name: string, range: Range) {
  return queryOptions({
    queryKey: keys.series(name, range.key),
    queryFn: async ({ signal }) => {
      const to = new Date();
      const from = new Date(to.getTime() - range.seconds * 1000);
      const query = { metric: Object.values(Metric), from: from.toISOString(), to: to.toISOString() };
      return (await seriesGet({ path: { name }, query, signal })).data;
    },
    placeholderData: (before) => before,
  });
}

export function streamingJobQuery(name: string) {
  return queryOptions({
    queryKey: keys.streamingJob(name),
    queryFn: async ({ signal }) => (await streamingJobGet({ path: { name }, signal })).data,
    staleTime: 0,
  });
}

const VERSIONS_A_PAGE = 20;

/** Newest first. */
export function versionsQuery(name: string) {
  return infiniteQueryOptions({
    queryKey: keys.versions(name),
    queryFn: async ({ signal, pageParam }) => {
      const query = { limit: VERSIONS_A_PAGE, ...(pageParam !== null && { cursor: pageParam }) };
      return (await pipelineVersionsList({ path: { name }, query, signal })).data;
    },
    initialPageParam: null as string | null,
    getNextPageParam: ({ next }) => next,
    staleTime: 0,
  });
}

/** Of the checkpoint and the topic as they are now: what was answered before is never shown for it. */
export function preflightQuery(name: string, version?: number) {
  return queryOptions({
    queryKey: keys.preflight(name, version ?? null),
    queryFn: async ({ signal }) => (await streamingJobPreflight({ path: { name }, query: { version }, signal })).data,
    staleTime: 0,
    gcTime: 0,
    retry: false,
  });
}
