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
  running: "the driver is being told",
  launching: "the driver is being told",
  draining: "the running batches end",
};
const PROGRESS: Record<Desired, Partial<Record<Observed, string>>> = { running: STARTING, stopped: STOPPING };

export function streamingJob({ desired, observed, reason }: OverviewData, fresh: boolean): Controlled {
  if (observed === null) return { wanted: desired, observed: "unknown", health: "unknown", progress: null, reason };
  return {
    wanted: desired,
    observed,
    health: fresh ? OBSERVED_HEALTH[observed] : "stale",
    progress: desired === null ? null : (PROGRESS[desired][observed] ?? null),
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
