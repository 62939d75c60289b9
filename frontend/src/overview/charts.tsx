import { useMemo } from "react";

import { ChartPanel } from "@/charts/ChartPanel";
import { shareOf, type Line } from "@/charts/lines";
import { percent, rate, short } from "@/format/numbers";
import { duration } from "@/format/time";
import type { SeriesView } from "@/live/useSeries";

import { PLACES } from "./attention";

interface ChartProps {
  series: SeriesView;
  className?: string;
}

const THROUGHPUT = [
  ["Ingested", "ingested"],
  ["Silver", "silver"],
  ["Loaded", "loaded"],
] as const;

export function ThroughputChart({ series, className }: ChartProps) {
  const lines = useMemo(() => THROUGHPUT.map(([name, metric]) => ({ name, points: series.points(metric) })), [series]);
  return (
    <ChartPanel
      title="Throughput"
      note="readings per second"
      lines={lines}
      series={series}
      filled
      format={rate}
      empty="Nothing was read from Kafka: start the pipeline, or choose a longer range."
      className={className}
    />
  );
}

export function LagChart({ series, className }: ChartProps) {
  const lines = useMemo<Line[]>(() => {
    const partitions = series.labels("lag").filter((label) => label !== "");
    partitions.sort((a, b) => Number(a) - Number(b));
    return partitions.map((label) => ({ name: label, points: series.points("lag", label) }));
  }, [series]);
  return (
    <ChartPanel
      anchor={PLACES.lag.id}
      title="Lag per partition"
      note="readings not read yet"
      lines={lines}
      series={series}
      format={short}
      empty="The ends of the topic's partitions were not known."
      className={className}
    />
  );
}

const QUANTILES = ["p50", "p95", "p99"] as const;

export function LatencyChart({ series, className }: ChartProps) {
  const lines = useMemo(() => QUANTILES.map((name) => ({ name, points: series.points(`latency_${name}`) })), [series]);
  return (
    <ChartPanel
      title="Latency"
      note="event to warehouse"
      lines={lines}
      series={series}
      format={duration}
      empty="Nothing was loaded into the warehouse."
      className={className}
    />
  );
}

export function AnomalyChart({ series, className }: ChartProps) {
  const lines = useMemo(
    () => [{ name: "Anomalies", points: shareOf(series.points("anomalies"), series.points("silver")) }],
    [series],
  );
  return (
    <ChartPanel
      title="Anomaly rate"
      note="of Silver's rows"
      lines={lines}
      series={series}
      filled
      format={percent}
      empty="No reading came to Silver, so none could be judged."
      className={className}
    />
  );
}
