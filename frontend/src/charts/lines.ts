import type { Point } from "@/api/types";

/** One line of a chart. */
export interface Line {
  name: string;
  points: readonly Point[];
}

/** Times, then each line's values: a number, null where the line breaks, undefined where it goes on to the next. */
export type Aligned = [number[], ...(number | null | undefined)[][]];

/** Buckets that may be missing between two points of one line: a load need not come in each. */
const BRIDGED = 3;

export function align(lines: readonly Line[], from: number, to: number, resolution: number): Aligned {
  const values = lines.map(({ points }) => {
    const known = new Map<number, number>();
    for (const [at, value] of points) {
      if (typeof at === "number" && typeof value === "number" && at >= from - resolution && at <= to)
        known.set(at, value);
    }
    return known;
  });
  const times = [...new Set(values.flatMap((known) => [...known.keys()]))].sort((a, b) => a - b);
  return [times, ...values.map((known) => withBreaks(known, times, resolution * BRIDGED))];
}

function withBreaks(known: Map<number, number>, times: number[], bridged: number): (number | null | undefined)[] {
  const own = [...known.keys()].sort((a, b) => a - b);
  let next = 0;
  return times.map((at) => {
    const value = known.get(at);
    if (value !== undefined) {
      next += 1;
      return value;
    }
    const [before, after] = [own[next - 1], own[next]];
    return before !== undefined && after !== undefined && after - before <= bridged ? undefined : null;
  });
}

/** 0 where `base` was counted and this was not: nothing refused is something known, no news at all is not. */
export function zeroWhere(points: readonly Point[], base: readonly Point[]): Point[] {
  const own = new Map(points.map((point) => [point[0], point]));
  const times = new Set([...base, ...points].map(([at]) => at).filter((at) => typeof at === "number"));
  return [...times].sort((a, b) => a - b).map((at) => own.get(at) ?? [at, 0, null, null]);
}

/** Point by point, the share that `part` is of `whole`. */
export function shareOf(part: readonly Point[], whole: readonly Point[]): Point[] {
  const parts = new Map(part.map(([at, value]) => [at, value]));
  return whole.flatMap(([at, value]) => {
    if (typeof value !== "number" || value <= 0) return [];
    return [[at, (parts.get(at) ?? 0) / value, null, null]];
  });
}

/** The newest value of each line, for who cannot see the chart. */
export function summary(lines: readonly Line[], format: (value: number | null | undefined) => string): string {
  return lines.map(({ name, points }) => `${name} ${format(points.at(-1)?.[1])}`).join(", ");
}
