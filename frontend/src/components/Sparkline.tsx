import { useMemo } from "react";

import type { Point } from "@/api/types";

import classes from "./Sparkline.module.css";

const WIDTH = 120;
const HEIGHT = 28;

interface SparklineProps {
  points: readonly Point[];
  /** The seconds of the axis, both ends. */
  from: number;
  to: number;
  /** The longest stretch without a point that is still one line. */
  gap: number;
  className?: string;
}

/** The shape of a series without axes. A gap stays a gap; the exact values are in the chart's table below. */
export function Sparkline({ points, from, to, gap, className }: SparklineProps) {
  const lines = useMemo(() => pathsOf(points, from, to, gap), [points, from, to, gap]);
  return (
    <svg
      className={[classes.sparkline, className].filter(Boolean).join(" ")}
      viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden
    >
      {lines.map(({ line, area }) => (
        <g key={line}>
          <path d={area} className={classes.area} />
          <path d={line} className={classes.line} vectorEffect="non-scaling-stroke" />
        </g>
      ))}
    </svg>
  );
}

function pathsOf(points: readonly Point[], from: number, to: number, gap: number) {
  const known: [number, number][] = [];
  for (const [at, value] of points) {
    if (typeof at === "number" && typeof value === "number" && at >= from && at <= to) known.push([at, value]);
  }
  const values = known.map(([, value]) => value);
  const [low, high] = [Math.min(...values), Math.max(...values)];
  // A quiet series stays quiet: noise of a hundredth is not blown up to the whole height.
  const span = Math.max(high - low, Math.abs(high) * 0.2, Number.EPSILON);
  const middle = (low + high) / 2;
  const x = (at: number) => ((at - from) / (to - from)) * WIDTH;
  const y = (value: number) => HEIGHT / 2 - ((value - middle) / span) * (HEIGHT - 6);

  const runs: [number, number][][] = [];
  for (const point of known) {
    const run = runs.at(-1);
    const before = run?.at(-1);
    if (run && before && point[0] - before[0] <= gap) run.push(point);
    else runs.push([point]);
  }
  return runs
    .filter((run) => run.length > 1)
    .map((run) => {
      const steps = run.map(([at, value]) => `${x(at).toFixed(1)},${y(value).toFixed(1)}`);
      const [first, last] = [x(run[0]?.[0] ?? from).toFixed(1), x(run.at(-1)?.[0] ?? to).toFixed(1)];
      return { line: `M${steps.join("L")}`, area: `M${first},${HEIGHT}L${steps.join("L")}L${last},${HEIGHT}Z` };
    });
}
