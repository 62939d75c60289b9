/** The schema's types under the names that the console uses; nothing is declared here. */
import type { Attention, Figures, OneSeries } from "./generated";

export type {
  Accounts,
  Attention,
  Configuration,
  Desired,
  Equation,
  Observed,
  Overview,
  Preflight,
  Role,
  SimulatorObserved,
  SessionUser as User,
  Version,
} from "./generated";
export { Verdict } from "./generated";
export type OverviewData = Figures;
export type Series = OneSeries;
/** Seconds since the epoch, mean, least, greatest. */
export type Point = Series["points"][number];
export type Severity = Attention["severity"];
