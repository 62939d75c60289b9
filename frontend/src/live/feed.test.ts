import { describe, expect, it, vi } from "vitest";

import { Feed, type Snapshot } from "./feed";

const message = (seq: number) => ({ topic: "pipeline.plant", seq, at: "2026-01-01T00:00:00Z", data: `state ${seq}` });
const snapshot = (seq: number): Snapshot<string> => message(seq);

function feedWith(fetch: () => Promise<Snapshot<string>>) {
  const shown: number[] = [];
  return { feed: new Feed<string>(fetch, ({ seq }) => shown.push(seq)), shown };
}

describe("Feed", () => {
  it("shows what follows, and asks for nothing", () => {
    const fetch = vi.fn<() => Promise<Snapshot<string>>>();
    const { feed, shown } = feedWith(fetch);
    [7, 8, 9].map(message).forEach((next) => feed.take(next));
    expect(shown).toEqual([7, 8, 9]);
    expect(fetch).not.toHaveBeenCalled();
  });

  it("heals a gap by one snapshot and goes on from the newest that waited", async () => {
    let answer: (snapshot: Snapshot<string>) => void = () => undefined;
    const fetch = vi.fn(() => new Promise<Snapshot<string>>((resolve) => (answer = resolve)));
    const { feed, shown } = feedWith(fetch);
    [1, 5, 6, 7].map(message).forEach((next) => feed.take(next));
    expect(shown).toEqual([1]);
    answer(snapshot(6));
    await vi.waitFor(() => expect(shown).toEqual([1, 6, 7]));
    feed.take(message(8));
    expect(shown).toEqual([1, 6, 7, 8]);
    expect(fetch).toHaveBeenCalledOnce();
  });

  it("shows a repeated message once", () => {
    const { feed, shown } = feedWith(() => Promise.reject(new Error("not asked for")));
    [3, 3].map(message).forEach((next) => feed.take(next));
    expect(shown).toEqual([3]);
  });

  it("keeps what is shown when the snapshot fails, and asks again at the next message", async () => {
    const fetch = vi
      .fn<() => Promise<Snapshot<string>>>()
      .mockRejectedValueOnce(new Error("503"))
      .mockResolvedValueOnce(snapshot(5));
    const { feed, shown } = feedWith(fetch);
    feed.take(message(1));
    feed.take(message(4));
    await vi.waitFor(() => expect(fetch).toHaveBeenCalledOnce());
    await Promise.resolve();
    expect(shown).toEqual([1]);
    feed.take(message(5));
    await vi.waitFor(() => expect(shown).toEqual([1, 5]));
  });

  it("takes the first message of a new subscription for the whole state", () => {
    const fetch = vi.fn<() => Promise<Snapshot<string>>>();
    const { feed, shown } = feedWith(fetch);
    feed.take(message(900));
    feed.rebase();
    feed.take(message(3));
    expect(shown).toEqual([900, 3]);
    expect(fetch).not.toHaveBeenCalled();
  });
});
