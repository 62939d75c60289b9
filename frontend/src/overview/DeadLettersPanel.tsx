import { useMemo } from "react";

import type { OverviewData } from "@/api/types";
import { ChartPanel } from "@/charts/ChartPanel";
import { zeroWhere } from "@/charts/lines";
import { count, fitting, rate } from "@/format/numbers";
import { growth, seriesKey, type Sample } from "@/live/samples";
import type { SeriesView } from "@/live/useSeries";
import { Panel } from "@/components/Panel";
import { Empty } from "@/components/Notice";

import { PLACES } from "./attention";
import classes from "./DeadLettersPanel.module.css";

const RATE_SECONDS = 60;

/** A reason as words: `malformed_json` is malformed JSON to a person. */
export function reasonWords(reason: string): string {
  return reason
    .replaceAll("_", " ")
    .replace(/\bjson\b/, "JSON")
    .replace(/\butf8\b/, "UTF-8");
}

interface DeadLettersProps {
  data: OverviewData;
  className?: string;
}

/** Why records are refused, over time. */
export function DeadLettersChart({ data, series, className }: DeadLettersProps & { series: SeriesView }) {
  const lines = useMemo(
    () =>
      byCount(data.dead_letters.by_reason).map(([reason]) => ({
        name: reasonWords(reason),
        points: zeroWhere(series.points("dead_letters", reason), series.points("ingested")),
      })),
    [data.dead_letters.by_reason, series],
  );
  return (
    <ChartPanel
      title="Dead letters by reason"
      note="per second"
      lines={lines}
      series={series}
      height={236}
      format={rate}
      empty="No record was refused."
      className={className}
    />
  );
}

/** How many were refused for each reason since ever, the most frequent first. */
export function DeadLettersCounts({
  data,
  samples,
  series,
  className,
}: DeadLettersProps & { samples: readonly Sample[]; series: SeriesView }) {
  const measured = data.rates.dead_letters !== null;
  const reasons = byCount(data.dead_letters.by_reason);
  const most = reasons[0]?.[1] ?? 1;
  return (
    <Panel
      anchor={PLACES.deadLetters.id}
      title="Dead letters"
      note={`${count(data.dead_letters.total)} since ever`}
      className={className}
    >
      {reasons.length === 0 ? (
        <Empty title="None">Every record so far could be read.</Empty>
      ) : (
        <table className={classes.table} data-testid="reasons">
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">Refused</th>
              <th scope="col">/s now</th>
            </tr>
          </thead>
          <tbody>
            {reasons.map(([reason, total]) => (
              <tr key={reason} data-reason={reason} data-total={total}>
                <th scope="row">
                  {reasonWords(reason)}
                  <span className={classes.bar} style={{ width: `${(100 * total) / most}%` }} />
                </th>
                <td title={count(total)}>{fitting(total)}</td>
                <td>{rate(measured ? rateNow(samples, series, reason) : null)}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

/** By what came live; of a page that was just opened, by the newest rollups. */
function rateNow(samples: readonly Sample[], series: SeriesView, reason: string): number | null {
  const live = growth(samples, seriesKey("dead_letters", reason), RATE_SECONDS);
  if (live !== null) return live;
  const recent = zeroWhere(series.points("dead_letters", reason), series.points("ingested")).flatMap(([at, value]) =>
    typeof at === "number" && typeof value === "number" && at >= series.to - RATE_SECONDS ? [value] : [],
  );
  return recent.length === 0 ? null : recent.reduce((sum, value) => sum + value, 0) / recent.length;
}

function byCount(reasons: Record<string, number>): [string, number][] {
  return Object.entries(reasons).sort(([, a], [, b]) => b - a);
}
