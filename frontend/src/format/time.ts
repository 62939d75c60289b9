import { isKnown, UNKNOWN } from "./numbers";

const MINUTE = 60;
const HOUR = 3600;
const DAY = 86_400;

/** A duration in the unit a person would choose: 0.4 s, 12 s, 3 min, 2 h 10 min. */
export function duration(seconds: number | null | undefined): string {
  if (!isKnown(seconds)) return UNKNOWN;
  if (seconds === 0) return "0 s";
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 100) return `${Math.round(seconds)} s`;
  if (seconds < HOUR) return `${Math.round(seconds / MINUTE)} min`;
  const [large, largeUnit, little, littleUnit] = seconds < DAY ? [HOUR, "h", MINUTE, "min"] : [DAY, "d", HOUR, "h"];
  const rest = Math.floor((seconds % large) / little);
  return `${Math.floor(seconds / large)} ${largeUnit}${rest > 0 ? ` ${rest} ${littleUnit}` : ""}`;
}

/** How long ago, in whole units: "3 s ago". */
export function ago(seconds: number | null | undefined): string {
  if (!isKnown(seconds)) return UNKNOWN;
  return seconds < 1 ? "now" : `${duration(seconds < 10 ? Math.floor(seconds) : seconds).replace(".0 s", " s")} ago`;
}

/** The time of day with its zone: 22:13:20 UTC. */
export function clock(epochSeconds: number, zone: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZone: zone,
    timeZoneName: "short",
  });
  return format.format(epochSeconds * 1000);
}

/** Date and time with their zone, for a tooltip or a table. */
export function exact(epochSeconds: number, zone: string): string {
  const format = new Intl.DateTimeFormat("en-GB", {
    day: "numeric",
    month: "short",
    year: "numeric",
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    timeZone: zone,
    timeZoneName: "short",
  });
  return format.format(epochSeconds * 1000);
}

export function epoch(iso: string): number {
  return Date.parse(iso) / 1000;
}

export function isTimeZone(zone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
    return true;
  } catch {
    return false;
  }
}
