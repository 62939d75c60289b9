import type { OverviewData } from "@/api/types";

const EQUATIONS = [
  "Kafka = Bronze",
  "Bronze = Silver + set aside",
  "Silver = Gold",
  "Gold = warehouse",
  "Dead letters accounted",
];

/** A healthy pipeline at 1,000 readings/s, with what a test wants otherwise. */
export function overview(change: Partial<OverviewData> = {}): OverviewData {
  return {
    pipeline: "plant",
    at: 1_700_000_000,
    desired: "running",
    observed: "running",
    driver_pid: 4711,
    reason: "",
    heartbeat_at: 1_700_000_000,
    throughput: 1000,
    rates: { ingested: 1000, accepted: 980, dead_letters: 20, silver: 980, gold: 980, loaded: 975 },
    received: 1_002_000,
    lag: { total: 2000, partitions: { "0": 1200, "1": 800 } },
    latency: { p50: 3.1, p95: 6.2, p99: 7.9 },
    anomaly_rate: 0.021,
    dead_letters: { total: 20_000, by_reason: { malformed_json: 20_000 } },
    accounts: {
      kafka: 1_000_000,
      accepted: 980_000,
      dead_letters: 20_000,
      refined: 979_000,
      silver: 970_000,
      duplicates: 8000,
      deferred: 1000,
      aggregated: 969_000,
      gold_readings: 969_000,
      warehouse_readings: 966_000,
      anomalies: 20_000,
      pending: { bronze: 1000, silver: 1000, gold: 3000 },
      equations: EQUATIONS.map((name) => ({ name, left: 1000, right: 1000, pending: 0, holds: true })),
      balanced: true,
    },
    last_batches: {
      ingest: { batch: 12, rows_in: 2000, seconds: 1.3, at: 1_700_000_000 },
      refine: { batch: 11, rows_in: 1960, seconds: 1.1, at: 1_700_000_000 },
      aggregate: { batch: 10, rows_in: 1960, seconds: 0.7, at: 1_700_000_000 },
    },
    last_load: { at: 1_700_000_000, seconds: 0.4, windows: 412, latency: { p50: 3.1, p95: 6.2, p99: 7.9 } },
    freshness: { bronze: 1, silver: 2, gold: 3, warehouse: 4 },
    simulator: {
      desired: "running",
      observed: "running",
      counts: { sent: 1000, normal: 960, anomalies: 20, malformed: 20, duplicates: 0, late: 0, failed: 0 },
      at: 1_700_000_000,
    },
    attention: [],
    ...change,
  };
}
