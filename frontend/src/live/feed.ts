import type { Numbered } from "./socket";

export interface Snapshot<T> {
  seq: number;
  at: string;
  data: T;
}

/**
 * Keeps one topic whole: what follows the number held is shown, anything else is a gap and healed by a snapshot.
 * Messages that come while the snapshot is on its way wait for it; as each has the whole state, the newest is enough.
 */
export class Feed<T> {
  readonly #fetch: () => Promise<Snapshot<T>>;
  readonly #show: (snapshot: Snapshot<T>) => void;
  #held: number | null = null;
  #healing = false;
  #waiting: Snapshot<T> | null = null;

  constructor(fetch: () => Promise<Snapshot<T>>, show: (snapshot: Snapshot<T>) => void) {
    this.#fetch = fetch;
    this.#show = show;
  }

  /** A new subscription begins wherever the server is: its first message has the whole state and is no gap. */
  rebase(): void {
    this.#held = null;
  }

  take(message: Numbered): void {
    const snapshot = { seq: message.seq, at: message.at, data: message.data as T };
    if (this.#healing) {
      this.#waiting = snapshot;
    } else if (this.#held === null || snapshot.seq === this.#held + 1) {
      this.#apply(snapshot);
    } else if (snapshot.seq !== this.#held) {
      this.#waiting = snapshot;
      void this.heal();
    }
  }

  /** Fetch the snapshot and go on from it. A failed fetch leaves what is shown; the next message asks again. */
  async heal(): Promise<void> {
    if (this.#healing) return;
    this.#healing = true;
    try {
      this.#apply(await this.#fetch());
      const newest = this.#waiting;
      if (newest && newest.seq > (this.#held ?? 0)) this.#apply(newest);
    } catch {
      // The query that fetched it holds the error, for the page to show.
    } finally {
      this.#healing = false;
      this.#waiting = null;
    }
  }

  #apply(snapshot: Snapshot<T>): void {
    this.#held = snapshot.seq;
    this.#show(snapshot);
  }
}
