import { describe, expect, it } from "vitest";

import type { SeriesView } from "@/live/useSeries";
import { overview } from "@/testing/overview";

import { mendedAt, PLACES } from "./attention";
import { askedWord, simulator, streamingJob } from "./control/states";
import { changesOf } from "./control/versions";
import { accountNote, accountsNote, lagNote, lagSeconds, latencyNote, receivedNote } from "./figures";
import { stagesOf } from "./stages";

const series: SeriesView = {
  from: 0,
  to: 1,
  resolution: 10,
  points: () => [],
  labels: () => [],
  isPending: false,
  error: null,
  retry: () => undefined,
};
const silent = {
  observed: "unknown",
  rates: { ingested: null, accepted: null, dead_letters: null, silver: null, gold: null, loaded: null },
} as const;

describe("stages", () => {
  it("are ok while the driver runs", () => {
    const { chain } = stagesOf(overview(), [], series, true);
    expect(chain.map(({ health }) => health)).toEqual(["ok", "ok", "ok", "ok", "ok"]);
  });

  it("of a silent driver are unknown, with no rate instead of 0", () => {
    const { chain } = stagesOf(overview(silent), [], series, true);
    const bronze = chain.find(({ id }) => id === "bronze");
    expect(bronze).toMatchObject({ health: "unknown", word: "unknown", rate: null });
    expect(bronze?.facts[0]?.value).toBe("– /s");
    const measured = chain.flatMap(({ facts }) => facts).filter(({ label }) => ["batch", "anomalies"].includes(label));
    expect(new Set(measured.map(({ value }) => value))).toEqual(new Set(["–"]));
  });

  it("of a silent driver leave unknown whether the warehouse is loaded", () => {
    const { chain } = stagesOf(overview(silent), [], series, true);
    expect(chain.at(-1)).toMatchObject({ id: "warehouse", health: "unknown" });
  });

  it("are stale, every one, when the page is not live", () => {
    const { chain } = stagesOf(overview(), [], series, false);
    expect(new Set(chain.map(({ health }) => health))).toEqual(new Set(["stale"]));
  });

  it("show the warehouse failing when its load failed", () => {
    const failed = { code: "load_failed", severity: "failing", title: "", detail: "", since: 1 } as const;
    const { chain } = stagesOf(overview({ attention: [failed] }), [], series, true);
    expect(chain.at(-1)?.health).toBe("failing");
  });
});

describe("lag", () => {
  it("in seconds is what waits at the rate it is read", () => {
    expect(lagSeconds(overview())).toBe(2);
  });

  it("in seconds is not known when nobody reads, and 0 when all is read", () => {
    expect(lagSeconds(overview(silent))).toBeNull();
    expect(lagSeconds(overview({ ...silent, lag: { total: 0, partitions: {} } }))).toBe(0);
  });

  it.each([
    ["drains at once", 2000, 1000],
    ["drains in about 2 min", 60_000, 500],
    ["does not drain", 60_000, 1000],
    ["everything is read", 0, 1000],
  ])("%s", (text, total, arriving) => {
    expect(lagNote(overview({ lag: { total, partitions: {} } }), arriving).text).toBe(text);
  });

  it("that is not known is said to be so", () => {
    const note = lagNote(overview({ lag: { total: null, partitions: { "0": null } } }), null);
    expect(note.health).toBe("unknown");
  });
});

describe("accounts", () => {
  const { accounts } = overview();

  it("are balanced when every equation holds", () => {
    expect(accountsNote(accounts, true)).toMatchObject({ value: "balanced", health: "ok" });
  });

  it("are failing as soon as one does not", () => {
    const equations = accounts.equations.map((item, index) => ({ ...item, holds: index !== 2 }));
    expect(accountsNote({ ...accounts, equations, balanced: false }, true)).toMatchObject({
      value: "unbalanced",
      health: "failing",
      text: "1 of 5 equations fail",
    });
  });

  it("are failing when every equation holds and Silver's hours do not add up", () => {
    expect(accountsNote({ ...accounts, balanced: false }, true)).toMatchObject({
      value: "unbalanced",
      health: "failing",
    });
  });

  it.each([
    ["balanced", { left: 10, right: 10, pending: 0, holds: true }, "ok"],
    ["pending 4", { left: 10, right: 6, pending: 4, holds: true }, "working"],
    ["off by 3", { left: 10, right: 6, pending: 1, holds: false }, "failing"],
    ["off by 1,000", { left: 6, right: 1006, pending: 0, holds: false }, "failing"],
    ["off by 2", { left: 6, right: 8, pending: -2, holds: false }, "failing"],
  ] as const)("say of each that it is %s", (text, equation, health) => {
    expect(accountNote({ name: "one", ...equation }, 10, true)).toEqual({ text, health });
    expect(accountNote({ name: "one", ...equation }, 10, false).health).toBe("stale");
  });

  it("say of one in which nothing was counted no more than that", () => {
    const equation = { name: "one", left: 0, right: 0, pending: 0, holds: true };
    expect(accountNote(equation, 0, true)).toEqual({ text: "nothing counted", health: "unknown" });
  });

  it("are unknown, not balanced, before anything is counted", () => {
    expect(accountsNote({ ...accounts, kafka: 0 }, true)).toMatchObject({ value: "–", health: "unknown" });
  });

  it("are not green when the page is not live", () => {
    expect(accountsNote(accounts, false).health).toBe("stale");
  });
});

describe("latency", () => {
  it("is not of now once no load has come for a minute", () => {
    const { at } = overview();
    expect(latencyNote(overview({ at: at + 59 })).health).toBeNull();
    expect(latencyNote(overview({ at: at + 185 }))).toEqual({ text: "no load for 3 min", health: "unknown" });
  });
});

describe("what needs attention", () => {
  it.each([
    ["driver_unknown", PLACES.control],
    ["stream_stalled", PLACES.control],
    ["load_failed", PLACES.commits],
    ["warehouse_behind", PLACES.commits],
    ["unbalanced", PLACES.accounts],
    ["lagging", PLACES.lag],
    ["something_of_a_newer_server", PLACES.pipeline],
  ])("as %s is mended somewhere", (code, place) => {
    expect(mendedAt(code)).toBe(place);
  });
});

describe("what a version would change", () => {
  it("is each setting that is otherwise, a missing one by its default", () => {
    const changes = changesOf(
      { trigger_seconds: 4, zscore_window: 100 },
      { trigger_seconds: 1, zscore_window: 100, watermark_minutes: 5 },
    );
    expect(changes).toEqual([
      { name: "trigger_seconds", before: "4", after: "1" },
      { name: "watermark_minutes", before: "default", after: "5" },
    ]);
  });
});

describe("received", () => {
  it("is unknown rather than 0", () => {
    expect(receivedNote(null)).toEqual({ text: "received is not known", health: "unknown" });
    expect(receivedNote(0).text).toBe("0 received");
  });
});

describe("what is wanted and what is observed", () => {
  it.each([
    ["running", "running", null],
    ["stopped", "stopped", null],
    ["stopped", "running", "asked to stop"],
    ["stopped", "draining", "draining"],
    ["running", "launching", "Spark is starting"],
    ["running", "stopped", "waits for a worker to launch it"],
  ] as const)("wanted %s, observed %s", (desired, observed, progress) => {
    expect(streamingJob(overview({ desired, observed }), true).progress).toBe(progress);
  });

  it.each([
    ["drain", {}, "asked to drain"],
    ["drain", { desired: "stopped" }, "asked to drain"],
    ["drain", { desired: "stopped", observed: "draining" }, "draining"],
    ["stop", { desired: "stopped" }, "asked to stop at once"],
    ["restart", {}, "asked to restart"],
    ["restart", { driver_pid: 4712 }, null],
    ["start", { desired: "stopped", observed: "stopped" }, "asked to start"],
    ["start", { observed: "stopped" }, "waits for a worker to launch it"],
    ["rollback", { desired: "stopped", observed: "stopped" }, null],
  ] as const)("after it was asked to %s, with %o, it says %s", (move, change, progress) => {
    expect(streamingJob(overview(change), true, { move, pid: 4711 }).progress).toBe(progress);
  });

  it("nothing that was asked for is shown as done", () => {
    expect(streamingJob(overview(), true, { move: "drain", pid: 4711 }).observed).toBe("running");
    expect(askedWord(null, overview())).toBeNull();
  });

  it("a simulator that has not heard yet is being told", () => {
    const told = { desired: "paused", observed: "running", counts: null, at: null } as const;
    expect(simulator(overview({ simulator: told }), true).progress).toBe("the simulator is being told");
  });

  it("says why no simulator is seen", () => {
    const told = { desired: "running", observed: "unknown", counts: null, at: null } as const;
    const state = simulator(overview({ simulator: told }), true);
    expect(state).toMatchObject({ health: "unknown", progress: null });
    expect(state.reason).toContain("penstock up --simulator");
  });
});
