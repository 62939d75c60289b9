import { useMutation, useQueryClient } from "@tanstack/react-query";

import {
  sessionCreate,
  sessionDelete,
  simulatorStart,
  simulatorStop,
  streamingJobDrain,
  streamingJobRestart,
  streamingJobRollback,
  streamingJobStart,
  streamingJobStop,
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

/** What somebody wants of the streaming job, and why. */
export type JobOrder =
  | { move: "drain" | "stop"; reason: string }
  | { move: "start" | "restart"; reason: string; accept: boolean }
  | { move: "rollback"; reason: string; accept: boolean; version: number };

function carryOut(name: string, order: JobOrder) {
  const path = { name };
  switch (order.move) {
    case "start":
      return streamingJobStart({ path, body: { reason: order.reason, accept: order.accept } });
    case "drain":
      return streamingJobDrain({ path, body: { reason: order.reason } });
    case "stop":
      return streamingJobStop({ path, body: { reason: order.reason } });
    case "restart":
      return streamingJobRestart({ path, body: { reason: order.reason, accept: order.accept } });
    case "rollback": {
      const { reason, accept, version } = order;
      return streamingJobRollback({ path, body: { reason, accept, version } });
    }
  }
}

/** What came of it is told by the live messages; here only what was fetched of history and versions is out of date. */
export function useStreamingJobMove(name: string) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: async (order: JobOrder) => (await carryOut(name, order)).data,
    onSuccess: () =>
      Promise.all([
        client.invalidateQueries({ queryKey: keys.streamingJob(name) }),
        client.invalidateQueries({ queryKey: keys.versions(name) }),
      ]),
  });
}

interface SimulatorOrder {
  move: "start" | "stop";
  reason: string;
}

export function useSimulatorMove(name: string) {
  return useMutation({
    mutationFn: async ({ move, reason }: SimulatorOrder) => {
      const call = move === "start" ? simulatorStart : simulatorStop;
      return (await call({ path: { name }, body: { reason } })).data;
    },
  });
}
