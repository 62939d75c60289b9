import { clock } from "@/format/time";

import { newestOf, NO_DATA, type Aligned, type Line } from "./lines";
import { COLOURS } from "./options";
import classes from "./Legend.module.css";

interface LegendProps {
  lines: readonly Line[];
  data: Aligned;
  to: number;
  resolution: number;
  /** The point that is pointed at; the newest when none is. */
  pointed: number | null;
  zone: string;
  format: (value: number | null | undefined) => string;
}

/** The lines' names and colours, with their values at the moment pointed at. */
export function Legend({ lines, data: [times, ...values], to, resolution, pointed, zone, format }: LegendProps) {
  const at = pointed === null ? undefined : times[pointed];
  const valueOf = (line: Line, index: number) => {
    const value = at === undefined ? newestOf(line, to, resolution) : values[index]?.[pointed ?? 0];
    return value === null ? NO_DATA : format(value);
  };
  return (
    <div className={classes.legend} aria-hidden data-testid="legend">
      <span className={classes.moment}>{at === undefined ? `newest, ${clock(to, zone)}` : clock(at, zone)}</span>
      {lines.map((line, index) => (
        <span key={line.name} className={classes.line}>
          <span
            className={classes.swatch}
            data-dashed={index >= COLOURS || undefined}
            style={{ background: `var(--series-${(index % COLOURS) + 1})` }}
          />
          {line.name}
          <span className={classes.value}>{valueOf(line, index)}</span>
        </span>
      ))}
    </div>
  );
}
