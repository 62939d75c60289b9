import type { OverviewData, Point } from "@/api/types";
import { OBSERVED_HEALTH, severityHealth, type Health } from "@/components/health";
import { count, percent, rate, short } from "@/format/numbers";
import { duration } from "@/format/time";
import { growth, RECEIVED, type Sample } from "@/live/samples";
import type { SeriesView } from "@/live/useSeries";

export interface Fact {
  label: string;
  value: string;
  /** The exact value, for hover. */
  exact?: string;
}

export interface Stage {
  id: "kafka" | "bronze" | "silver" | "gold" | "warehouse";
  name: string;
  health: Health;
  word: string;
  /** Readings per second that leave for the next stage. */
  rate: number | null;
  facts: Fact[];
  spark: readonly Point[];
}

export interface DeadLetters {
  total: number;
  rate: number | null;
}

export interface Stages {
  chain: Stage[];
  deadLetters: DeadLetters;
}

const ARRIVAL_SECONDS = 30;

/** How fast records come into the topic: what the broker says, read or not. */
export function arrivalRate(samples: readonly Sample[]): number | null {
  return growth(samples, RECEIVED, ARRIVAL_SECONDS);
}

/** The pipeline as its five stages: what both the graph and the list show. */
export function stagesOf(data: OverviewData, samples: readonly Sample[], series: SeriesView, fresh: boolean): Stages {
  const { accounts, freshness, lag, last_batches: batches, rates } = data;
  const arriving = arrivalRate(samples) ?? rates.ingested;
  const driver = driverOf(data, fresh);
  // How long a batch takes, and how many readings are anomalies, is of now only while a driver works.
  const works = rates.ingested !== null;
  const batch = (last: { seconds: number } | null): Fact => ({
    label: "batch",
    value: duration(works ? last?.seconds : null),
  });
  const known = (isKnown: boolean, word: string): Pick<Stage, "health" | "word"> => {
    if (!fresh) return { health: "stale", word: "stale" };
    return isKnown ? { health: "ok", word } : { health: "unknown", word: "unknown" };
  };
  const chain: Stage[] = [
    {
      id: "kafka",
      name: "Kafka",
      ...known(lag.total !== null, "up"),
      rate: rates.ingested,
      facts: [perSecond("in", arriving), readings("lag", lag.total), readings("received", data.received)],
      spark: series.points("ingested"),
    },
    {
      id: "bronze",
      name: "Bronze",
      ...driver,
      rate: rates.accepted,
      facts: [
        perSecond("accepted", rates.accepted),
        readings("waiting", accounts.pending.bronze),
        batch(batches.ingest),
      ],
      spark: series.points("accepted"),
    },
    {
      id: "silver",
      name: "Silver",
      ...driver,
      rate: rates.silver,
      facts: [
        perSecond("rows", rates.silver),
        readings("waiting", accounts.pending.silver),
        { label: "anomalies", value: percent(works ? data.anomaly_rate : null) },
      ],
      spark: series.points("silver"),
    },
    {
      id: "gold",
      name: "Gold",
      ...driver,
      rate: rates.gold,
      facts: [perSecond("rows", rates.gold), readings("waiting", accounts.pending.gold), batch(batches.aggregate)],
      spark: series.points("gold"),
    },
    {
      id: "warehouse",
      name: "Warehouse",
      ...warehouseOf(data, fresh),
      rate: rates.loaded,
      facts: [
        perSecond("loaded", rates.loaded),
        {
          label: "newest",
          value: freshness.warehouse === null ? duration(null) : `${duration(freshness.warehouse)} ago`,
        },
        { label: "load", value: duration(data.last_load?.seconds) },
      ],
      spark: series.points("loaded"),
    },
  ];
  return { chain, deadLetters: { total: data.dead_letters.total, rate: rates.dead_letters } };
}

function driverOf(data: OverviewData, fresh: boolean): Pick<Stage, "health" | "word"> {
  if (!fresh) return { health: "stale", word: "stale" };
  if (data.observed === null) return { health: "unknown", word: "unknown" };
  return { health: OBSERVED_HEALTH[data.observed], word: data.observed };
}

function warehouseOf(data: OverviewData, fresh: boolean): Pick<Stage, "health" | "word"> {
  if (!fresh) return { health: "stale", word: "stale" };
  if (data.freshness.warehouse === null) return { health: "unknown", word: "unknown" };
  const trouble = data.attention.find(({ code }) => code === "load_failed" || code === "warehouse_stale");
  if (trouble)
    return { health: severityHealth(trouble.severity), word: trouble.severity === "failing" ? "failing" : "stale" };
  if (data.rates.loaded === null) {
    // Nothing waits, or nobody can tell whether what waits is being loaded.
    return data.accounts.pending.gold <= 0 ? { health: "idle", word: "idle" } : { health: "unknown", word: "unknown" };
  }
  return { health: "ok", word: "up" };
}

function perSecond(label: string, value: number | null): Fact {
  return { label, value: `${rate(value)} /s` };
}

function readings(label: string, value: number | null): Fact {
  return { label, value: short(value), exact: `${count(value)} readings` };
}
