import { describe, expect, it } from "vitest";

import type { Point } from "@/api/types";

import { align, isolated, newestOf, shareOf, silencesOf, summary, zeroWhere } from "./lines";

const point = (at: number, value: number): Point => [at, value, null, null];

describe("align", () => {
  it("bridges a bucket or two and breaks over more", () => {
    const often = { name: "often", points: [0, 10, 20, 30, 40, 50, 60, 70, 80].map((at) => point(at, 1)) };
    const seldom = { name: "seldom", points: [0, 20, 80].map((at) => point(at, 2)) };
    const [, , values] = align([often, seldom], 0, 80, 10);
    expect(values).toEqual([2, undefined, 2, null, null, null, null, null, 2]);
  });

  it("leaves out what is not in the range", () => {
    const line = { name: "line", points: [-100, 0, 10, 500].map((at) => point(at, 1)) };
    expect(align([line], 0, 20, 10)[0]).toEqual([0, 10]);
  });

  it("draws no line over an outage, though no line has a point in it", () => {
    const line = { name: "line", points: [0, 10, 60, 70].map((at) => point(at, 1)) };
    expect(align([line], 0, 80, 10)).toEqual([
      [0, 10, 20, 30, 40, 50, 60, 70],
      [1, 1, null, null, null, null, 1, 1],
    ]);
  });

  it("ends where the measuring ended, and begins where it began", () => {
    const line = { name: "line", points: [100, 110].map((at) => point(at, 1)) };
    const [times, values] = align([line], 45, 170, 10);
    expect(times).toEqual([50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160]);
    expect(values?.filter((value) => value !== null)).toEqual([1, 1]);
  });
});

describe("silencesOf", () => {
  const silences = (times: number[], from: number, to: number) =>
    silencesOf(align([{ name: "line", points: times.map((at) => point(at, 1)) }], from, to, 10), from, to);

  it("are before, between and after what was measured", () => {
    expect(silences([100, 110, 200, 210], 0, 300)).toEqual([
      { from: 0, to: 100 },
      { from: 110, to: 200 },
      { from: 210, to: 300 },
    ]);
  });

  it("are none while one line goes on", () => {
    const [some, all] = [
      [0, 80],
      [0, 10, 20, 30, 40, 50, 60, 70, 80],
    ].map((times) => ({
      name: `${times.length}`,
      points: times.map((at) => point(at, 1)),
    }));
    expect(some && all && silencesOf(align([some, all], 0, 80, 10), 0, 80)).toEqual([]);
  });
});

describe("isolated", () => {
  it("are the points that no line leads to", () => {
    expect(isolated([1, null, 2, undefined, 3, null, null, 4])).toEqual([0, 7]);
  });
});

describe("the newest value", () => {
  const line = { name: "p95", points: [point(0, 6)] };

  it("is of now, or not known", () => {
    expect([newestOf(line, 40, 10), newestOf(line, 60, 10)]).toEqual([6, null]);
  });

  it("is said to be no data when it is old", () => {
    expect(summary([line], { to: 600, resolution: 10, format: String })).toBe("p95 no data");
  });
});

describe("zeroWhere", () => {
  it("is 0 only where the other was counted", () => {
    const points = zeroWhere([point(10, 5)], [point(0, 1), point(10, 1)]);
    expect(points.map(([at, value]) => [at, value])).toEqual([
      [0, 0],
      [10, 5],
    ]);
  });
});

describe("shareOf", () => {
  it("has no point where there is nothing to be a share of", () => {
    const whole = [point(0, 200), point(10, 0)];
    expect(shareOf([point(0, 10)], whole)).toEqual([point(0, 0.05)]);
  });
});
