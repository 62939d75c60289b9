/** Figures for people. What is not known is a dash, never a 0. */
export const UNKNOWN = "–";

const plain = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const small = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 1 });

type Known = number | null | undefined;

export function isKnown(value: Known): value is number {
  return typeof value === "number" && Number.isFinite(value);
}

/** Every digit: 48,204,118. */
export function count(value: Known): string {
  return isKnown(value) ? plain.format(value) : UNKNOWN;
}

/** Short where space is short: 9,412 and 48.2 M. */
export function short(value: Known): string {
  if (!isKnown(value)) return UNKNOWN;
  if (Math.abs(value) < 10_000) return plain.format(value);
  return compact
    .format(value)
    .replace(/([A-Z])$/, " $1")
    .replace(" K", " k");
}

/** Every digit for as long as that is readable: 48,204,118 and 9.1 B. */
export function fitting(value: Known): string {
  return isKnown(value) && Math.abs(value) >= 1e9 ? short(value) : count(value);
}

/** A rate in readings per second; a decimal only where it says something. */
export function rate(value: Known): string {
  if (!isKnown(value)) return UNKNOWN;
  return Math.abs(value) < 10 ? small.format(value) : short(value);
}

/** A share as per cent. */
export function percent(value: Known): string {
  return isKnown(value) ? `${(100 * value).toFixed(value !== 0 && value < 0.01 ? 2 : 1)} %` : UNKNOWN;
}
