import type { Observed, Severity, SimulatorObserved } from "@/api/types";

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

const SEVERITY_HEALTH: Record<Severity, Health> = {
  failing: "failing",
  warning: "warning",
  unknown: "unknown",
};

/** A severity of a newer server than this page is from is not known; what it is of is shown all the same. */
export function severityHealth(severity: string): Health {
  return (SEVERITY_HEALTH as Partial<Record<string, Health>>)[severity] ?? "unknown";
}
