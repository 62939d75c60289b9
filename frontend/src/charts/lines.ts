import type { Point } from "@/api/types";

/** One line of a chart. */
export interface Line {
  name: string;
  points: readonly Point[];
}

/** Times, then each line's values: a number, null where the line breaks, undefined where it goes on to the next. */
export type Aligned = [number[], ...(number | null | undefined)[][]];

/** A stretch of time in which no line was measured. */
export interface Silence {
  from: number;
  to: number;
}

/** Buckets that may be missing between two points of one line: a load need not come in each. */
const BRIDGED = 3;

/** Every line on one axis of time. Where none was measured for long, the axis has a moment for each bucket all the same:
 * no line passes over it, and who points at it is told that there is nothing. */
export function align(lines: readonly Line[], from: number, to: number, resolution: number): Aligned {
  const values = lines.map(({ points }) => {
    const known = new Map<number, number>();
    for (const [at, value] of points) {
      if (typeof at === "number" && typeof value === "number" && at >= from - resolution && at <= to)
        known.set(at, value);
    }
    return known;
  });
  const measured = [...new Set(values.flatMap((known) => [...known.keys()]))].sort((a, b) => a - b);
  const times = withSilence(measured, from, to, resolution);
  return [times, ...values.map((known) => withBreaks(known, times, resolution * BRIDGED))];
}

function withSilence(measured: number[], from: number, to: number, resolution: number): number[] {
  const [first, last] = [measured[0], measured.at(-1)];
  if (first === undefined || last === undefined) return [];
  const times: number[] = [];
  const fill = (start: number, end: number) => {
    for (let at = start; at < end; at += resolution) times.push(at);
  };
  const begin = Math.ceil(from / resolution) * resolution;
  if (first - begin > resolution * BRIDGED) fill(begin, first);
  let before = first;
  for (const at of measured) {
    if (at - before > resolution * BRIDGED) fill(before + resolution, at);
    times.push(at);
    before = at;
  }
  if (isOver(last, to, resolution)) fill(last + resolution, to);
  return times;
}

/** Whether a line whose newest point is at `last` has ended: the bucket that is filling has no point yet. */
function isOver(last: number, to: number, resolution: number): boolean {
  return to - last > resolution * (BRIDGED + 1);
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

/** Where no line has anything, from the last point before to the first after, or to the end of the axis. */
export function silencesOf([times, ...values]: Aligned, from: number, to: number): Silence[] {
  const found: Silence[] = [];
  let open = false;
  times.forEach((_, index) => {
    const silent = values.every((line) => line[index] === null);
    if (silent && !open) found.push({ from: times[index - 1] ?? from, to });
    const last = found.at(-1);
    if (!silent && open && last) last.to = times[index] ?? to;
    open = silent;
  });
  return found;
}

/** Indices of points that no line leads to or from: drawn as points, they would not be seen otherwise. */
export function isolated(values: ArrayLike<number | null | undefined>): number[] {
  const told = Array.from(values).flatMap((value, index) => (value === undefined ? [] : [[index, value] as const]));
  return told.flatMap(([index, value], place) => {
    const alone = typeof told[place - 1]?.[1] !== "number" && typeof told[place + 1]?.[1] !== "number";
    return value !== null && alone ? [index] : [];
  });
}

/** The line's value of now; null when the newest that is known is of a time that has gone by. */
export function newestOf({ points }: Line, to: number, resolution: number): number | null {
  const [at, value] = points.at(-1) ?? [];
  return typeof at !== "number" || typeof value !== "number" || isOver(at, to, resolution) ? null : value;
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

export const NO_DATA = "no data";

interface Axis {
  to: number;
  resolution: number;
  format: (value: number | null | undefined) => string;
}

/** The value of now of each line, for who cannot see the chart. */
export function summary(lines: readonly Line[], { to, resolution, format }: Axis): string {
  return lines
    .map((line) => {
      const newest = newestOf(line, to, resolution);
      return `${line.name} ${newest === null ? NO_DATA : format(newest)}`;
    })
    .join(", ");
}
