import { useMemo } from "react";

import { exact } from "@/format/time";

import { align, type Line } from "./lines";
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

/** The chart's values, the newest first. */
export function ChartTable({ title, lines, from, to, resolution, zone, height, format }: ChartTableProps) {
  const rows = useMemo(() => {
    const [times, ...values] = align(lines, from, to, resolution);
    return times.map((at, index) => ({ at, values: values.map((line) => line[index]) })).reverse();
  }, [lines, from, to, resolution]);
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
          {rows.map(({ at, values }) => (
            <tr key={at}>
              <th scope="row">{exact(at, zone)}</th>
              {values.map((value, index) => (
                <td key={lines[index]?.name}>{format(value)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
