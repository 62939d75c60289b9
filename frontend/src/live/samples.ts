import type { OverviewData, Point, Series } from "@/api/types";

/** What a live message says that a chart can be continued from: counters since ever, gauges of now, the last load. */
export interface Sample {
  at: number;
  counters: Map<string, number>;
  gauges: Map<string, number>;
  load: { at: number; latency: Map<string, number> } | null;
}

const KEPT_SECONDS = 900;

export function seriesKey(metric: string, label = ""): string {
  return `${metric}|${label}`;
}

/** Records that the topic has had: not kept as a series, but its growth is the rate at which they arrive. */
export const RECEIVED = seriesKey("received");

export function sampleOf(data: OverviewData, at: number): Sample {
  const { accounts } = data;
  const counters = new Map([
    [seriesKey("ingested"), accounts.kafka],
    [seriesKey("accepted"), accounts.accepted],
    [seriesKey("silver"), accounts.silver],
    [seriesKey("anomalies"), accounts.anomalies],
    [seriesKey("gold"), accounts.gold_readings],
    [seriesKey("loaded"), accounts.warehouse_readings],
  ]);
  for (const [reason, total] of Object.entries(data.dead_letters.by_reason)) {
    counters.set(seriesKey("dead_letters", reason), total);
  }
  if (data.received !== null) counters.set(RECEIVED, data.received);
  const gauges = new Map<string, number>();
  const gauge = (metric: string, value: number | null, label = "") => {
    if (value !== null) gauges.set(seriesKey(metric, label), value);
  };
  gauge("lag", data.lag.total);
  for (const [partition, lag] of Object.entries(data.lag.partitions)) gauge("lag", lag, partition);
  return { at, counters, gauges, load: loadOf(data) };
}

/** The latency is measured by a load, when it commits; the figure over the last minutes is no measurement of now. */
function loadOf({ last_load: load }: OverviewData): Sample["load"] {
  if (!load) return null;
  const told = Object.entries(load.latency ?? {});
  return { at: load.at, latency: new Map(told.map(([name, value]) => [seriesKey(`latency_${name}`), value])) };
}

/** The samples with one more, without what is too old to continue a chart from. */
export function withSample(samples: readonly Sample[], next: Sample): Sample[] {
  return [...samples.filter((sample) => sample.at < next.at && sample.at > next.at - KEPT_SECONDS), next];
}

/** Counters move by micro-batches: over less than a few of them a rate is what one happened to bring. */
const TELLING_SECONDS = 10;

/** Growth of a counter per second over the last `seconds` of samples; null before they reach far enough to tell. */
export function growth(samples: readonly Sample[], key: string, seconds: number): number | null {
  const last = samples.at(-1);
  const first = last && samples.find((sample) => sample.at >= last.at - seconds);
  const [before, after] = [first?.counters.get(key), last?.counters.get(key)];
  if (!first || before === undefined || after === undefined || last.at - first.at < TELLING_SECONDS) return null;
  return Math.max(0, after - before) / (last.at - first.at);
}

interface Bucket {
  from: Sample;
  to: Sample;
  inside: Sample[];
}

/** A rate over less than this is what one micro-batch happened to bring. */
const LEAST_SECONDS = 5;

/**
 * Continue the rollups by what came live since: the same buckets, from the same counters. As with a rollup, a bucket
 * in which nothing was counted has no point.
 */
export function extend(series: readonly Series[], samples: readonly Sample[], resolution: number): Series[] {
  const buckets = [...bucketsOf(samples, resolution)];
  const loads = loadsOf(samples, resolution);
  const known = new Map(series.map((item) => [seriesKey(item.metric, item.label), item]));
  for (const item of seriesOf(samples.at(-1))) {
    const key = seriesKey(item.metric, item.label);
    if (!known.has(key)) known.set(key, item);
  }
  return [...known].map(([key, item]) => {
    const last = item.points.at(-1)?.[0] ?? -Infinity;
    const point = item.kind === "gauge" ? gaugePoint : ratePoint;
    const made = [...buckets.flatMap(([start, bucket]) => point(key, start, bucket) ?? []), ...(loads.get(key) ?? [])];
    const points = made.filter(([start]) => typeof start === "number" && start > last);
    return points.length > 0 ? { ...item, points: [...item.points, ...points] } : item;
  });
}

function seriesOf(sample: Sample | undefined): Series[] {
  const made = (kind: Series["kind"], unit: string) => (key: string) => {
    const [metric = "", label = ""] = key.split("|");
    return { metric, label, kind, unit, points: [] } as Series;
  };
  if (!sample) return [];
  return [
    ...[...sample.counters.keys()].filter((key) => key !== RECEIVED).map(made("rate", "readings/s")),
    ...[...sample.gauges.keys(), ...(sample.load?.latency.keys() ?? [])].map(made("gauge", "")),
  ];
}

/** Points of what loads measured, each load once, in the bucket in which it committed. */
function loadsOf(samples: readonly Sample[], resolution: number): Map<string, Point[]> {
  const loads = new Map(samples.flatMap(({ load }) => (load ? [[load.at, load.latency] as const] : [])));
  const values = new Map<string, Map<number, number[]>>();
  for (const [at, latency] of loads) {
    const start = Math.floor(at / resolution) * resolution;
    for (const [key, value] of latency) {
      const series = values.get(key) ?? new Map<number, number[]>();
      values.set(key, series.set(start, [...(series.get(start) ?? []), value]));
    }
  }
  return new Map([...values].map(([key, series]) => [key, [...series].map(([start, found]) => pointOf(start, found))]));
}

function bucketsOf(samples: readonly Sample[], resolution: number): Map<number, Bucket> {
  const buckets = new Map<number, Bucket>();
  let before: Sample | undefined;
  for (const sample of samples) {
    const start = Math.floor(sample.at / resolution) * resolution;
    const bucket = buckets.get(start);
    if (bucket) {
      bucket.to = sample;
      bucket.inside.push(sample);
    } else {
      // What grew while nothing was heard did not grow in this bucket.
      const from = before && before.at >= start - resolution ? before : sample;
      buckets.set(start, { from, to: sample, inside: [sample] });
    }
    before = sample;
  }
  return buckets;
}

function ratePoint(key: string, start: number, { from, to }: Bucket): Point[] | null {
  const seconds = to.at - from.at;
  const grown = (to.counters.get(key) ?? 0) - (from.counters.get(key) ?? 0);
  return seconds < LEAST_SECONDS || grown <= 0 ? null : [[start, grown / seconds, null, null]];
}

function gaugePoint(key: string, start: number, { inside }: Bucket): Point[] | null {
  const values = inside.map((sample) => sample.gauges.get(key)).filter((value) => value !== undefined);
  return values.length === 0 ? null : [pointOf(start, values)];
}

function pointOf(start: number, values: number[]): Point {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  return [start, mean, Math.min(...values), Math.max(...values)];
}
