import { describe, expect, it } from "vitest";

import type { Series } from "@/api/types";
import { overview } from "@/testing/overview";

import { extend, growth, RECEIVED, sampleOf, seriesKey, withSample, type Sample } from "./samples";

const START = 1_700_000_000;

/** Samples of a pipeline that ingests `rate` readings a second. */
function samplesOver(seconds: number, rate: number): Sample[] {
  const base = overview();
  return Array.from({ length: seconds + 1 }, (_, second) =>
    sampleOf(
      {
        ...base,
        received: 5000 + second * rate,
        accounts: { ...base.accounts, kafka: 1000 + second * rate },
        lag: { total: second, partitions: { "0": second } },
      },
      START + second,
    ),
  );
}

const rollups = (points: Series["points"]): Series[] => [
  { metric: "ingested", label: "", unit: "readings/s", kind: "rate", points },
];

function pointsOf(series: Series[], metric: string, label = "") {
  return series.find((item) => item.metric === metric && item.label === label)?.points ?? [];
}

describe("extend", () => {
  it("continues a rate after the last rollup, from the counters", () => {
    const extended = pointsOf(extend(rollups([[START, 90, null, null]]), samplesOver(30, 100), 10), "ingested");
    expect(extended.map(([at]) => at)).toEqual([START, START + 10, START + 20]);
    expect(extended.map(([, rate]) => rate)).toEqual([90, 100, 100]);
  });

  it("has no point, and no zero, where nothing was counted", () => {
    const extended = extend(rollups([]), samplesOver(30, 0), 10);
    expect(pointsOf(extended, "ingested")).toEqual([]);
  });

  it("gives a gauge its mean between its least and greatest", () => {
    const lag = pointsOf(extend([], samplesOver(19, 100), 10), "lag", "0");
    expect(lag).toEqual([
      [START, 4.5, 0, 9],
      [START + 10, 14.5, 10, 19],
    ]);
  });
});

describe("latency", () => {
  const at = (second: number, loadedAt: number, p95: number) => {
    const load = { at: loadedAt, seconds: 0.4, windows: 3, latency: { p50: 1, p95, p99: 9 } };
    return sampleOf(overview({ last_load: load }), START + second);
  };

  it("has one point where a load committed, and none for as long as no other comes", () => {
    const samples = [at(1, START, 6), at(3, START, 6), at(25, START, 6), at(61, START + 60, 8), at(75, START + 60, 8)];
    expect(pointsOf(extend([], samples, 10), "latency_p95")).toEqual([
      [START, 6, 6, 6],
      [START + 60, 8, 8, 8],
    ]);
  });

  it("has no point of a load that brought nothing", () => {
    const load = { at: START, seconds: 0.4, windows: 0, latency: null };
    expect(extend([], [sampleOf(overview({ last_load: load }), START)], 10).map(({ metric }) => metric)).not.toContain(
      "latency_p95",
    );
  });
});

describe("a stretch in which nothing was heard", () => {
  it("gives the rate after it no part of what came meanwhile", () => {
    const all = samplesOver(120, 100);
    const heard = all.filter(({ at }) => at <= START + 20 || at >= START + 100);
    const rates = pointsOf(extend([], heard, 10), "ingested");
    expect(rates.map(([at]) => at)).toEqual([START, START + 10, START + 100, START + 110]);
    expect(new Set(rates.map(([, rate]) => rate))).toEqual(new Set([100]));
  });
});

describe("growth", () => {
  it("is what came per second", () => {
    expect(growth(samplesOver(30, 100), RECEIVED, 10)).toBeCloseTo(100);
  });

  it("is not known over less than a few micro-batches, nor of what is not counted", () => {
    expect(growth(samplesOver(9, 100), RECEIVED, 30)).toBeNull();
    expect(growth(samplesOver(30, 100), seriesKey("dead_letters", "empty"), 10)).toBeNull();
  });
});

describe("withSample", () => {
  it("forgets what is too old, and what a clock set back left in the future", () => {
    const [old, newer, newest] = [0, 10_000, 10_010].map((at) => sampleOf(overview(), at)) as [Sample, Sample, Sample];
    expect(withSample([old, newer], newest)).toEqual([newer, newest]);
    expect(withSample([newest], newer)).toEqual([newer]);
  });
});
