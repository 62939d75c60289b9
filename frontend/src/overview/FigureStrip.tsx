import { Skeleton } from "@mantine/core";
import type { ReactNode } from "react";

import type { OverviewData } from "@/api/types";
import { usePage } from "@/app/page";
import type { Health } from "@/components/health";
import { Sparkline } from "@/components/Sparkline";
import { StatusIcon } from "@/components/Status";
import { count, rate, short, UNKNOWN } from "@/format/numbers";
import { clock, duration } from "@/format/time";
import type { SeriesView } from "@/live/useSeries";

import { accountsNote, lagNote, lagSeconds, latencyNote, receivedNote } from "./figures";
import classes from "./FigureStrip.module.css";

interface FigureStripProps {
  data: OverviewData;
  series: SeriesView;
  arriving: number | null;
  fresh: boolean;
}

/** The four figures that answer whether anything is wrong. */
export function FigureStrip({ data, series, arriving, fresh }: FigureStripProps) {
  const accounts = accountsNote(data.accounts, fresh);
  const received = receivedNote(data.received);
  const lag = lagNote(data, arriving);
  const measured = latencyNote(data);
  const { zone } = usePage();
  const asOf = fresh ? null : `as of ${clock(data.at, zone)}`;
  const [seconds, secondsUnit] = split(duration(lagSeconds(data)));
  const [latency, latencyUnit] = split(duration(measured.health === "unknown" ? null : data.latency.p95));
  const spark = (metric: string) => (
    <Sparkline points={series.points(metric)} from={series.from} to={series.to} gap={3 * series.resolution} />
  );
  return (
    <div className={classes.strip} data-fresh={fresh}>
      <Figure
        label="Readings"
        testId="readings"
        value={rate(data.rates.ingested)}
        unit="/s"
        health={fresh ? received.health : "stale"}
        note={
          <span
            data-testid="received"
            data-value={data.received ?? undefined}
            title={`${count(data.received)} records`}
          >
            {asOf ?? received.text}
          </span>
        }
        spark={spark("ingested")}
      />
      <Figure
        label="Lag"
        value={seconds}
        unit={`${secondsUnit} · ${short(data.lag.total)} readings`}
        health={fresh ? lag.health : "stale"}
        note={asOf ?? lag.text}
        spark={spark("lag")}
      />
      <Figure
        label="Event to warehouse, p95"
        value={latency}
        unit={latencyUnit}
        health={fresh ? measured.health : "stale"}
        note={asOf ?? measured.text}
        spark={spark("latency_p95")}
      />
      <Figure
        label="Accounts"
        value={accounts.value}
        health={accounts.health}
        note={asOf ?? accounts.text}
        testId="accounts"
      />
    </div>
  );
}

interface FigureProps {
  label: string;
  value: string;
  unit?: string;
  note: ReactNode;
  health: Health | null;
  spark?: ReactNode;
  testId?: string;
}

function Figure({ label, value, unit, note, health, spark, testId }: FigureProps) {
  return (
    <section className={classes.figure} data-testid={testId} data-health={health ?? undefined}>
      <h2 className={classes.label}>{label}</h2>
      <p
        className={classes.value}
        data-unknown={value === UNKNOWN || undefined}
        title={[value, unit].filter(Boolean).join(" ")}
      >
        {value}
        {unit !== undefined && <span className={classes.unit}>{unit}</span>}
      </p>
      <div className={classes.foot}>
        <span className={classes.note} data-health={health ?? undefined}>
          {health !== null && <StatusIcon health={health} size={13} />}
          {note}
        </span>
        {spark !== undefined && <div className={classes.spark}>{spark}</div>}
      </div>
    </section>
  );
}

export function FigureStripSkeleton() {
  return (
    <div className={classes.strip}>
      {["Readings", "Lag", "Event to warehouse, p95", "Accounts"].map((label) => (
        <section key={label} className={classes.figure}>
          <h2 className={classes.label}>{label}</h2>
          <Skeleton height={26} width={120} mt={6} mb={14} />
          <Skeleton height={14} width="70%" />
        </section>
      ))}
    </div>
  );
}

/** Figure and unit apart: "6.2 s". A duration of two units stays whole. */
function split(text: string): [string, string] {
  const words = text.split(" ");
  if (text === UNKNOWN || words.length !== 2) return [text, ""];
  return [words[0] ?? "", words[1] ?? ""];
}
