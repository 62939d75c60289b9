import type { LiveState } from "@/live/status";

const SAID: Record<LiveState, string | null> = {
  live: null,
  connecting: "Connecting",
  reconnecting: "Not live",
  silent: "Not live",
  paused: "Paused",
};

/** What the window is called: whether it is of now, which page, of what. */
export function titleOf(page: string, pipeline: string | null = null, state: LiveState = "live"): string {
  return [SAID[state], page, pipeline, "Penstock"].filter((word) => word !== null).join(" · ");
}
