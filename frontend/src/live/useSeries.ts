import { useQuery } from "@tanstack/react-query";
import { useMemo } from "react";

import { seriesQuery } from "@/api/queries";
import type { Point } from "@/api/types";
import { usePage } from "@/app/page";
import { epoch } from "@/format/time";

import { useLive } from "./context";
import { extend, seriesKey } from "./samples";

/** Rollups take over from what was appended live, long before the samples for it are forgotten. */
const REFRESH_MS = 300_000;

export interface SeriesView {
  /** Ends of the time axis, in seconds. */
  from: number;
  to: number;
  resolution: number;
  points: (metric: string, label?: string) => readonly Point[];
  labels: (metric: string) => string[];
  isPending: boolean;
  error: Error | null;
  retry: () => void;
}

const NONE: readonly Point[] = [];

/** Every series of the page's range: fetched once, then continued by the live messages. */
export function useSeries(pipeline: string): SeriesView {
  const { range } = usePage();
  const { samples, pausedAt } = useLive();
  const { data, error, isPending, refetch } = useQuery({
    ...seriesQuery(pipeline, range),
    refetchInterval: pausedAt === null ? REFRESH_MS : false,
  });
  return useMemo(() => {
    const resolution = data?.resolution_seconds ?? 10;
    const found = new Map(
      extend(data?.series ?? [], samples, resolution).map((item) => [seriesKey(item.metric, item.label), item]),
    );
    const to = Math.max(samples.at(-1)?.at ?? 0, data ? epoch(data.to) : 0);
    return {
      from: to - range.seconds,
      to,
      resolution,
      points: (metric, label = "") => found.get(seriesKey(metric, label))?.points ?? NONE,
      labels: (metric) => [...found.values()].filter((item) => item.metric === metric).map((item) => item.label),
      isPending: isPending && samples.length === 0,
      error,
      retry: () => void refetch(),
    };
  }, [data, error, isPending, range.seconds, refetch, samples]);
}
