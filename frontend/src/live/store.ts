import type { Overview } from "@/api/types";
import { epoch } from "@/format/time";

import { sampleOf, withSample, type Sample } from "./samples";
import type { SocketState } from "./socket";
import type { LiveFacts } from "./status";

export interface LiveView extends LiveFacts {
  snapshot: Overview | null;
  samples: readonly Sample[];
}

const EMPTY: LiveView = { socket: "connecting", arrived: null, pausedAt: null, snapshot: null, samples: [] };

/** What the page shows of the live topic. While it is paused the view stands still and the newest goes on behind it. */
export class LiveStore {
  #newest = EMPTY;
  #view = EMPTY;
  readonly #listeners = new Set<() => void>();

  readonly get = (): LiveView => this.#view;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  show(snapshot: Overview): void {
    const samples = withSample(this.#newest.samples, sampleOf(snapshot.data, epoch(snapshot.at)));
    this.#change({ snapshot, samples });
  }

  arrive(seconds: number): void {
    this.#change({ arrived: seconds });
  }

  connect(socket: SocketState): void {
    this.#change({ socket });
  }

  /** What was missed while the socket was away is in the rollups; a line drawn over it would be made up. */
  forgetSamples(): void {
    this.#change({ samples: [] });
  }

  togglePause(seconds: number): void {
    this.#newest = { ...this.#newest, pausedAt: this.#newest.pausedAt === null ? seconds : null };
    this.#view = this.#newest.pausedAt === null ? this.#newest : { ...this.#view, pausedAt: this.#newest.pausedAt };
    this.#notify();
  }

  #change(change: Partial<LiveView>): void {
    this.#newest = { ...this.#newest, ...change };
    if (this.#newest.pausedAt === null) this.#view = this.#newest;
    else this.#view = { ...this.#view, socket: this.#newest.socket, arrived: this.#newest.arrived };
    this.#notify();
  }

  #notify(): void {
    this.#listeners.forEach((listener) => listener());
  }
}
