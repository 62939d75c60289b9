import { useQuery } from "@tanstack/react-query";
import { useOutletContext } from "react-router";

import { overviewQuery } from "@/api/queries";
import { ProblemNotice } from "@/components/Notice";
import { epoch } from "@/format/time";
import { useNow } from "@/format/useNow";
import { useLive } from "@/live/context";
import { SILENT_AFTER } from "@/live/status";
import { useSeries } from "@/live/useSeries";

import { Accounts } from "./Accounts";
import { Attention } from "./Attention";
import { AnomalyChart, LagChart, LatencyChart, ThroughputChart } from "./charts";
import { Commits } from "./Commits";
import { DeadLettersChart, DeadLettersCounts } from "./DeadLettersPanel";
import { FigureStrip, FigureStripSkeleton } from "./FigureStrip";
import classes from "./OverviewPage.module.css";
import { PipelinePanel } from "./PipelinePanel";
import { arrivalRate } from "./stages";

/** Is anything wrong, where, since when, what can be done, did it help. */
export function OverviewPage() {
  const pipeline = useOutletContext<string>();
  const { snapshot, samples, refresh } = useLive();
  const { error } = useQuery({ ...overviewQuery(pipeline), enabled: false });
  const series = useSeries(pipeline);
  const fresh = useFresh();
  const problem = error && <ProblemNotice error={error} onRetry={refresh} />;
  if (!snapshot) return problem ?? <FigureStripSkeleton />;

  const { data } = snapshot;
  return (
    <div className={classes.page} data-fresh={fresh} data-seq={snapshot.seq}>
      {problem && <div className={classes.whole}>{problem}</div>}
      <div className={classes.whole}>
        <FigureStrip data={data} series={series} arriving={arrivalRate(samples)} fresh={fresh} />
      </div>
      <PipelinePanel data={data} samples={samples} series={series} fresh={fresh} className={classes.wide} />
      <div className={classes.beside}>
        <Attention items={data.attention} at={data.at} fresh={fresh} className={classes.grows} />
        <Commits data={data} />
      </div>
      <ThroughputChart series={series} className={classes.wide} />
      <Accounts accounts={data.accounts} fresh={fresh} className={classes.narrow} />
      <LagChart series={series} className={classes.third} />
      <LatencyChart series={series} className={classes.third} />
      <AnomalyChart series={series} className={classes.third} />
      <DeadLettersChart data={data} series={series} className={classes.wide} />
      <DeadLettersCounts data={data} samples={samples} series={series} className={classes.narrow} />
    </div>
  );
}

/** Whether what is shown is of now, or was when somebody paused the page. */
function useFresh(): boolean {
  const { snapshot, state } = useLive();
  const now = useNow();
  if (state === "live" || state === "paused") return true;
  // Before the first message the snapshot's own time is all there is to go by.
  return state === "connecting" && snapshot !== null && now - epoch(snapshot.at) <= SILENT_AFTER;
}
