import uPlot from "uplot";

import { isolated, NO_DATA, type Silence } from "./lines";

interface Look {
  names: string[];
  width: number;
  height: number;
  zone: string;
  filled: boolean | undefined;
  format: (value: number | null | undefined) => string;
  range: () => [number, number];
  /** Where nothing was measured. */
  silences: () => Silence[];
  /** Which point is pointed at; null when none is. */
  onCursor: (index: number | null) => void;
}

/** Colours of lines in tokens.css, `--series-1` and on; further lines are dashed. */
export const COLOURS = 6;
const FAMILY = 'Inter, system-ui, -apple-system, "Segoe UI", Roboto, sans-serif';
const FONT = `11px ${FAMILY}`;
/** A band that is narrower says nothing. */
const LEGIBLE = 56;

/** uPlot's options in the page's palette, read where it is defined: tokens.css. */
export function optionsOf({
  names,
  width,
  height,
  zone,
  filled,
  format,
  range,
  silences,
  onCursor,
}: Look): uPlot.Options {
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
      { ...axis, size: 48, gap: 6, space: 28, values: (_, ticks) => labelsOf(ticks, format) },
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
          points: {
            show: false,
            size: 4,
            fill: colour,
            filter: ({ data }, series) => isolated(data[series] ?? []),
          },
        } satisfies uPlot.Series;
      }),
    ],
    cursor: { y: false, drag: { x: false, y: false }, points: { size: 6 } },
    legend: { show: false },
    hooks: {
      setCursor: [({ cursor }) => onCursor(cursor.idx ?? null)],
      drawClear: [(plot) => drawSilences(plot, silences(), token("--unknown-soft"), token("--unknown"))],
    },
  };
}

/** Labels that differ: what rounds to the same words is told more exactly. */
export function labelsOf(ticks: number[], format: (value: number) => string): string[] {
  const words = ticks.map((tick) => format(tick));
  return new Set(words).size === words.length ? words : ticks.map((tick) => String(Number(tick.toPrecision(3))));
}

/** Bands below the lines, so that a gap is seen to be one and not a line that has left the picture. */
function drawSilences(plot: uPlot, silences: Silence[], colour: string, words: string): void {
  const { ctx, bbox } = plot;
  ctx.save();
  for (const { from, to } of silences) {
    const left = Math.max(bbox.left, plot.valToPos(from, "x", true));
    const width = Math.min(bbox.left + bbox.width, plot.valToPos(to, "x", true)) - left;
    if (width <= 0) continue;
    ctx.fillStyle = colour;
    ctx.fillRect(left, bbox.top, width, bbox.height);
    if (width < LEGIBLE * uPlot.pxRatio) continue;
    ctx.fillStyle = words;
    ctx.font = `${11 * uPlot.pxRatio}px ${FAMILY}`;
    ctx.textAlign = "center";
    ctx.textBaseline = "top";
    ctx.fillText(NO_DATA, left + width / 2, bbox.top + 6 * uPlot.pxRatio);
  }
  ctx.restore();
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
