import { clock } from "@/format/time";

import type { Aligned, Line } from "./lines";
import { COLOURS } from "./options";
import classes from "./Legend.module.css";

interface LegendProps {
  lines: readonly Line[];
  data: Aligned;
  /** The point that is pointed at; the newest when none is. */
  pointed: number | null;
  zone: string;
  format: (value: number | null | undefined) => string;
}

/** The lines' names and colours, with their values at the moment pointed at. */
export function Legend({ lines, data: [times, ...values], pointed, zone, format }: LegendProps) {
  const at = pointed === null ? undefined : times[pointed];
  return (
    <div className={classes.legend} aria-hidden>
      <span className={classes.moment}>{at === undefined ? "newest" : clock(at, zone)}</span>
      {lines.map(({ name, points }, index) => (
        <span key={name} className={classes.line}>
          <span
            className={classes.swatch}
            data-dashed={index >= COLOURS || undefined}
            style={{ background: `var(--series-${(index % COLOURS) + 1})` }}
          />
          {name}
          <span className={classes.value}>
            {format(at === undefined ? points.at(-1)?.[1] : values[index]?.[pointed ?? 0])}
          </span>
        </span>
      ))}
    </div>
  );
}
