import { describe, expect, it } from "vitest";

import type { Point } from "@/api/types";

import { align, shareOf, zeroWhere } from "./lines";

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
