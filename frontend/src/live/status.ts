import type { SocketState } from "./socket";

/** No news for this long is more than the server's own two seconds between two messages can explain. */
export const SILENT_AFTER = 6;

export type LiveState = "live" | "connecting" | "reconnecting" | "silent" | "paused";

export interface LiveFacts {
  socket: SocketState;
  /** When the last message came, by this browser's clock; null before the first. */
  arrived: number | null;
  /** When somebody paused the page; null while it runs. */
  pausedAt: number | null;
}

export function liveState(facts: LiveFacts, now: number): LiveState {
  if (facts.pausedAt !== null) return "paused";
  if (facts.socket !== "open") return facts.arrived === null ? "connecting" : "reconnecting";
  if (facts.arrived === null) return "connecting";
  return now - facts.arrived > SILENT_AFTER ? "silent" : "live";
}
