import { describe, expect, it } from "vitest";

import { count, fitting, percent, rate, short } from "./numbers";
import { ago, clock, duration, exact, isTimeZone } from "./time";

describe("figures", () => {
  it.each([
    [count(48_204_118), "48,204,118"],
    [short(9412), "9,412"],
    [short(48_204_118), "48.2 M"],
    [short(12_345), "12.3 k"],
    [fitting(48_204_118), "48,204,118"],
    [fitting(9_100_000_000), "9.1 B"],
    [rate(0.43), "0.4"],
    [rate(1004.2), "1,004"],
    [percent(0.021), "2.1 %"],
    [percent(0.0012), "0.12 %"],
  ])("%s", (shown, expected) => {
    expect(shown).toBe(expected);
  });

  it.each([count, fitting, short, rate, percent, duration, ago])(
    "are a dash where nothing is known, never 0",
    (format) => {
      expect(format(null)).toBe("–");
      expect(format(undefined)).toBe("–");
      expect(format(NaN)).toBe("–");
    },
  );
});

describe("times", () => {
  it.each([
    [duration(0), "0 s"],
    [duration(6.23), "6.2 s"],
    [duration(42), "42 s"],
    [duration(185), "3 min"],
    [duration(7800), "2 h 10 min"],
    [duration(90_000), "1 d 1 h"],
    [ago(0.2), "now"],
    [ago(3.7), "3 s ago"],
    [exact(1_700_000_000, "UTC"), "14 Nov 2023, 22:13:20 UTC"],
    [clock(1_700_000_000, "UTC"), "22:13:20 UTC"],
    [clock(1_700_000_000, "Asia/Kolkata"), "03:43:20 GMT+5:30"],
  ])("%s", (shown, expected) => {
    expect(shown).toBe(expected);
  });

  it("knows a time zone from what is none", () => {
    expect([isTimeZone("Europe/Berlin"), isTimeZone("Mars/Olympus")]).toEqual([true, false]);
  });
});
