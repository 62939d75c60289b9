import { createContext, use } from "react";

import type { LiveState } from "./status";
import type { LiveView } from "./store";

export interface Live extends LiveView {
  state: LiveState;
  /** Pause, or go on. */
  toggle: () => void;
  /** Fetch the snapshot now. */
  refresh: () => void;
}

export const LiveContext = createContext<Live | null>(null);

export function useLive(): Live {
  const live = use(LiveContext);
  if (!live) throw new Error("useLive needs a LiveProvider above it");
  return live;
}
