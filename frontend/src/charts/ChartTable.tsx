import { useMemo } from "react";

import { exact } from "@/format/time";

import { align, NO_DATA, type Aligned, type Line } from "./lines";
import classes from "./ChartTable.module.css";

interface ChartTableProps {
  title: string;
  lines: readonly Line[];
  from: number;
  to: number;
  resolution: number;
  zone: string;
  height: number;
  format: (value: number | null | undefined) => string;
}

/** The chart's values, the newest first. A stretch in which nothing was measured is one row. */
export function ChartTable({ title, lines, from, to, resolution, zone, height, format }: ChartTableProps) {
  const rows = useMemo(() => rowsOf(align(lines, from, to, resolution)), [lines, from, to, resolution]);
  return (
    <div className={classes.scroll} style={{ height }} tabIndex={0} role="region" aria-label={`${title}, table`}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Time</th>
            {lines.map(({ name }) => (
              <th key={name} scope="col">
                {name}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(({ at, until, values }) => (
            <tr key={at}>
              <th scope="row">{until === at ? exact(at, zone) : `${exact(at, zone)} to ${exact(until, zone)}`}</th>
              {values === null ? (
                <td colSpan={lines.length}>{NO_DATA}</td>
              ) : (
                values.map((value, index) => <td key={lines[index]?.name}>{format(value)}</td>)
              )}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

interface Row {
  at: number;
  until: number;
  values: (number | null | undefined)[] | null;
}

function rowsOf([times, ...lines]: Aligned): Row[] {
  const rows: Row[] = [];
  times.forEach((at, index) => {
    const values = lines.map((line) => line[index]);
    const before = rows.at(-1);
    if (values.some((value) => value !== null)) rows.push({ at, until: at, values });
    else if (before?.values === null) before.until = at;
    else rows.push({ at, until: at, values: null });
  });
  return rows.reverse();
}
