import { useMemo } from "react";

import type { OverviewData } from "@/api/types";
import { ChartPanel } from "@/charts/ChartPanel";
import { zeroWhere } from "@/charts/lines";
import { count, rate } from "@/format/numbers";
import { growth, seriesKey, type Sample } from "@/live/samples";
import type { SeriesView } from "@/live/useSeries";
import { Panel } from "@/components/Panel";
import { Empty } from "@/components/Notice";

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
export function DeadLettersCounts({ data, samples, className }: DeadLettersProps & { samples: readonly Sample[] }) {
  const reasons = byCount(data.dead_letters.by_reason);
  const most = reasons[0]?.[1] ?? 1;
  return (
    <Panel title="Dead letters" note={`${count(data.dead_letters.total)} since ever`} className={className}>
      {reasons.length === 0 ? (
        <Empty title="None">Every record so far could be read.</Empty>
      ) : (
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Reason</th>
              <th scope="col">Refused</th>
              <th scope="col">/s now</th>
            </tr>
          </thead>
          <tbody>
            {reasons.map(([reason, total]) => (
              <tr key={reason}>
                <th scope="row">
                  {reasonWords(reason)}
                  <span className={classes.bar} style={{ width: `${(100 * total) / most}%` }} />
                </th>
                <td>{count(total)}</td>
                <td>{rate(growth(samples, seriesKey("dead_letters", reason), RATE_SECONDS))}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}

function byCount(reasons: Record<string, number>): [string, number][] {
  return Object.entries(reasons).sort(([, a], [, b]) => b - a);
}
