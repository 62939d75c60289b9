import "uplot/dist/uPlot.min.css";

import { useComputedColorScheme } from "@mantine/core";
import { useElementSize, useMergedRef } from "@mantine/hooks";
import { useEffect, useMemo, useRef, useState } from "react";
import uPlot from "uplot";

import { align, silencesOf, summary, type Line } from "./lines";
import { Legend } from "./Legend";
import { optionsOf } from "./options";
import classes from "./TimeChart.module.css";

export interface TimeChartProps {
  title: string;
  lines: readonly Line[];
  from: number;
  to: number;
  resolution: number;
  zone: string;
  height: number;
  /** Fill the first line's area: for one quantity, not for several to compare. */
  filled?: boolean;
  format: (value: number | null | undefined) => string;
}

/** Lines over time. Drawn anew when what it consists of changes; otherwise only its data is set. */
export default function TimeChart({
  title,
  lines,
  from,
  to,
  resolution,
  zone,
  height,
  filled,
  format,
}: TimeChartProps) {
  const { ref: sized, width } = useElementSize<HTMLDivElement>();
  const mount = useRef<HTMLDivElement>(null);
  const ref = useMergedRef(sized, mount);
  const isSized = width > 0;
  const scheme = useComputedColorScheme("light");
  const plot = useRef<uPlot | null>(null);
  const [pointed, setPointed] = useState<number | null>(null);
  const names = lines.map(({ name }) => name).join("\n");
  const data = useMemo(() => align(lines, from, to, resolution), [lines, from, to, resolution]);
  const newest = useRef({ data, from, to });

  useEffect(() => {
    newest.current = { data, from, to };
    plot.current?.setData(data, false);
    plot.current?.setScale("x", { min: from, max: to });
  }, [data, from, to]);

  useEffect(() => {
    if (!mount.current || !isSized) return;
    const options = optionsOf({
      names: names.split("\n"),
      width,
      height,
      zone,
      filled,
      format,
      range: () => [newest.current.from, newest.current.to],
      silences: () => silencesOf(newest.current.data, newest.current.from, newest.current.to),
      onCursor: setPointed,
    });
    const made = new uPlot(options, newest.current.data, mount.current);
    plot.current = made;
    return () => {
      plot.current = null;
      made.destroy();
    };
    // Of the width only whether there is one: a later change is set on the plot that is there.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [names, isSized, height, zone, filled, format, scheme]);

  useEffect(() => {
    if (width > 0) plot.current?.setSize({ width, height });
  }, [width, height]);

  return (
    <>
      <div
        ref={ref}
        className={classes.chart}
        role="img"
        aria-label={`${title}: ${summary(lines, { to, resolution, format })}`}
      />
      <Legend lines={lines} data={data} to={to} resolution={resolution} pointed={pointed} zone={zone} format={format} />
    </>
  );
}
