import { useMemo } from "react";
import { useSearchParams } from "react-router";

import { isTimeZone } from "@/format/time";

/** The ranges that a page can be set to, as they stand in the address. */
export const RANGES = [
  { key: "15m", label: "Last 15 minutes", short: "15 min", seconds: 900 },
  { key: "1h", label: "Last hour", short: "1 h", seconds: 3600 },
  { key: "6h", label: "Last 6 hours", short: "6 h", seconds: 6 * 3600 },
  { key: "24h", label: "Last 24 hours", short: "24 h", seconds: 24 * 3600 },
  { key: "7d", label: "Last 7 days", short: "7 d", seconds: 7 * 86_400 },
] as const;

export type Range = (typeof RANGES)[number];

export const LOCAL_ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export interface PageState {
  range: Range;
  zone: string;
  pipeline: string | null;
  view: "graph" | "list" | null;
  change: (values: Record<string, string | null>) => void;
}

/** What the address says of the page, so that a link shows a colleague the same. */
export function usePage(): PageState {
  const [params, setParams] = useSearchParams();
  return useMemo(() => {
    const zone = params.get("tz") ?? "UTC";
    const view = params.get("view");
    return {
      range: RANGES.find((range) => range.key === params.get("range")) ?? RANGES[0],
      zone: isTimeZone(zone) ? zone : "UTC",
      pipeline: params.get("pipeline"),
      view: view === "graph" || view === "list" ? view : null,
      change: (values) =>
        setParams(
          (before) => {
            const after = new URLSearchParams(before);
            for (const [name, value] of Object.entries(values)) {
              if (value === null) after.delete(name);
              else after.set(name, value);
            }
            return after;
          },
          { replace: true },
        ),
    };
  }, [params, setParams]);
}
