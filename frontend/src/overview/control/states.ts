import type { Desired, Observed, OverviewData, SimulatorObserved } from "@/api/types";
import { OBSERVED_HEALTH, SIMULATOR_HEALTH, type Health } from "@/components/health";

/** Something that can be wanted and be otherwise: what both say, and how far one is from the other. */
export interface Controlled {
  wanted: string | null;
  observed: string;
  health: Health;
  /** What is going on until both agree; null when they do, or when nothing is known to go on. */
  progress: string | null;
  reason: string;
}

const STARTING: Partial<Record<Observed, string>> = {
  stopped: "waits for a worker to launch it",
  failed: "waits for the next attempt",
  launching: "Spark is starting",
  draining: "the old driver ends first",
};
const STOPPING: Partial<Record<Observed, string>> = {
  running: "asked to stop",
  launching: "asked to stop",
  draining: "draining",
};
const PROGRESS: Record<Desired, Partial<Record<Observed, string>>> = { running: STARTING, stopped: STOPPING };

export type JobMove = "start" | "drain" | "stop" | "restart" | "rollback";

/** What was asked for from this page, and of which driver. */
export interface Asked {
  move: JobMove;
  pid: number | null;
}

const ASKED: Record<JobMove, string> = {
  start: "asked to start",
  drain: "asked to drain",
  stop: "asked to stop at once",
  restart: "asked to restart",
  rollback: "asked to restart with an older configuration",
};

/** What was asked for and is not seen yet in what is published; null as soon as it is. */
export function askedWord(asked: Asked | null, { desired, observed, driver_pid: pid }: OverviewData): string | null {
  if (!asked) return null;
  const seen = {
    start: desired === "running",
    drain: desired === "stopped",
    stop: desired === "stopped",
    restart: observed !== "running" || pid !== asked.pid,
    // Of a job that rests nothing is to be seen but a new version.
    rollback: desired !== "running" || observed !== "running" || pid !== asked.pid,
  };
  return seen[asked.move] ? null : ASKED[asked.move];
}

export function streamingJob(data: OverviewData, fresh: boolean, asked: Asked | null = null): Controlled {
  const { desired, observed, reason } = data;
  const told = desired === "stopped" && observed === "running" && asked ? asked.move : null;
  const waits = askedWord(asked, data) ?? (told === "drain" || told === "stop" ? ASKED[told] : null);
  if (observed === null) return { wanted: desired, observed: "unknown", health: "unknown", progress: waits, reason };
  return {
    wanted: desired,
    observed,
    health: fresh ? OBSERVED_HEALTH[observed] : "stale",
    progress: waits ?? (desired === null ? null : (PROGRESS[desired][observed] ?? null)),
    reason,
  };
}

export function simulator({ simulator: told }: OverviewData, fresh: boolean): Controlled {
  const observed: SimulatorObserved = told.observed;
  const agreed = observed === told.desired || observed === "unknown" || observed === "finished";
  return {
    wanted: told.desired,
    observed,
    health: fresh ? SIMULATOR_HEALTH[observed] : "stale",
    progress: agreed ? null : "the simulator is being told",
    reason: observed === "unknown" ? "No simulator reports; `penstock up --simulator` starts one." : "",
  };
}
