import type { Attention, Observed, SimulatorObserved } from "@/api/types";

/** How well something is. `unknown` and `stale` are never shown as ok, `idle` is what somebody wanted to rest. */
export type Health = "ok" | "working" | "warning" | "failing" | "unknown" | "stale" | "idle";

export const OBSERVED_HEALTH: Record<Observed, Health> = {
  running: "ok",
  launching: "working",
  draining: "working",
  stopped: "idle",
  failed: "failing",
  unknown: "unknown",
};

export const SIMULATOR_HEALTH: Record<SimulatorObserved, Health> = {
  running: "ok",
  paused: "idle",
  finished: "idle",
  unknown: "unknown",
};

export const SEVERITY_HEALTH: Record<Attention["severity"], Health> = {
  failing: "failing",
  warning: "warning",
  unknown: "unknown",
};
