import uPlot from "uplot";

interface Look {
  names: string[];
  width: number;
  height: number;
  zone: string;
  filled: boolean | undefined;
  format: (value: number | null | undefined) => string;
  range: () => [number, number];
  /** Which point is pointed at; null when none is. */
  onCursor: (index: number | null) => void;
}

/** Colours of lines in tokens.css, `--series-1` and on; further lines are dashed. */
export const COLOURS = 6;
const FONT = '11px Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';

/** uPlot's options in the page's palette, read where it is defined: tokens.css. */
export function optionsOf({ names, width, height, zone, filled, format, range, onCursor }: Look): uPlot.Options {
  const style = getComputedStyle(document.documentElement);
  const token = (name: string) => style.getPropertyValue(name).trim();
  const axis = {
    stroke: token("--dim"),
    font: FONT,
    ticks: { show: false },
    grid: { stroke: token("--track"), width: 1 },
  };
  return {
    width,
    height,
    tzDate: (seconds) => uPlot.tzDate(new Date(seconds * 1000), zone),
    padding: [8, 14, 0, 0],
    scales: {
      x: { time: true, range },
      y: { range: (_, __, most) => [0, most > 0 ? most * 1.12 : 1] },
    },
    axes: [
      { ...axis, grid: { show: false }, space: 70, size: 26, values: (_, ticks) => ticks.map(clockOf(zone, range)) },
      { ...axis, size: 48, gap: 6, space: 28, values: (_, ticks) => ticks.map((tick) => format(tick)) },
    ],
    series: [
      {},
      ...names.map((label, index) => {
        const colour = token(`--series-${(index % COLOURS) + 1}`);
        return {
          label,
          stroke: colour,
          width: 1.5,
          dash: index < COLOURS ? [] : [4, 3],
          fill: filled && index === 0 ? token("--accent-soft") : undefined,
          points: { show: false },
        } satisfies uPlot.Series;
      }),
    ],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { show: false },
    hooks: { setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)] },
  };
}

function clockOf(zone: string, range: () => [number, number]): (seconds: number) => string {
  const [from, to] = range();
  const days = to - from > 2 * 86_400;
  const format = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    ...(days && { day: "numeric", month: "short" }),
    ...(!days && { hour: "2-digit", minute: "2-digit" }),
  });
  return (seconds) => format.format(seconds * 1000);
}
