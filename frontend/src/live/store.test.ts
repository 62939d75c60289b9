import { describe, expect, it } from "vitest";

import { overview } from "@/testing/overview";

import { liveState } from "./status";
import { LiveStore } from "./store";

const snapshot = (seq: number) => ({
  seq,
  at: new Date(1_700_000_000_000 + seq * 1000).toISOString(),
  data: overview(),
});

describe("LiveStore", () => {
  it("stands still while paused and shows the newest afterwards", () => {
    const store = new LiveStore();
    store.show(snapshot(1));
    store.togglePause(5);
    store.show(snapshot(2));
    store.show(snapshot(3));
    expect(store.get().snapshot?.seq).toBe(1);
    expect(store.get().samples).toHaveLength(1);
    store.togglePause(9);
    expect(store.get().snapshot?.seq).toBe(3);
    expect(store.get().samples).toHaveLength(3);
  });

  it("says while paused whether the connection is there", () => {
    const store = new LiveStore();
    store.togglePause(5);
    store.connect("closed");
    expect(store.get().socket).toBe("closed");
  });
});

describe("liveState", () => {
  const facts = { socket: "open", arrived: 100, pausedAt: null } as const;

  it.each([
    ["live", facts, 102],
    ["silent", facts, 110],
    ["reconnecting", { ...facts, socket: "closed" as const }, 101],
    ["connecting", { ...facts, arrived: null }, 101],
    ["paused", { ...facts, pausedAt: 101 }, 102],
  ])("is %s", (state, told, now) => {
    expect(liveState(told, now)).toBe(state);
  });
});
