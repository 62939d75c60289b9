import { SegmentedControl, Skeleton } from "@mantine/core";
import { useElementSize } from "@mantine/hooks";
import { lazy, Suspense, useMemo } from "react";

import type { OverviewData } from "@/api/types";
import { usePage } from "@/app/page";
import { Panel } from "@/components/Panel";
import type { Sample } from "@/live/samples";
import type { SeriesView } from "@/live/useSeries";

import { PLACES } from "./attention";
import { SimulatorControl } from "./control/SimulatorControl";
import { StreamingJobControl } from "./control/StreamingJobControl";
import classes from "./PipelinePanel.module.css";
import { StageList } from "./StageList";
import { stagesOf } from "./stages";

const PipelineGraph = lazy(() => import("./graph/PipelineGraph"));

/** Five cards beside each other need this much; a phone gets the list. */
const GRAPH_WIDTH = 720;
const GRAPH_HEIGHT = 200;

interface PipelinePanelProps {
  data: OverviewData;
  samples: readonly Sample[];
  series: SeriesView;
  fresh: boolean;
  className?: string;
}

/** What flows where, and what can be done about it. */
export function PipelinePanel({ data, samples, series, fresh, className }: PipelinePanelProps) {
  const { view, change } = usePage();
  const { ref, width } = useElementSize<HTMLDivElement>();
  const stages = useMemo(() => stagesOf(data, samples, series, fresh), [data, samples, series, fresh]);
  const fits = width >= GRAPH_WIDTH;
  const asGraph = fits && view !== "list";
  return (
    <Panel
      anchor={PLACES.pipeline.id}
      title="Pipeline"
      className={className}
      actions={
        fits && (
          <SegmentedControl
            size="xs"
            value={asGraph ? "graph" : "list"}
            onChange={(value) => change({ view: value === "list" ? "list" : null })}
            data={[
              { value: "graph", label: "Graph" },
              { value: "list", label: "List" },
            ]}
            aria-label="Pipeline as"
          />
        )
      }
    >
      <div ref={ref} className={classes.body}>
        {width > 0 &&
          (asGraph ? (
            <Suspense fallback={<Skeleton height={GRAPH_HEIGHT} />}>
              <PipelineGraph stages={stages} series={series} />
            </Suspense>
          ) : (
            <StageList stages={stages} />
          ))}
      </div>
      <div className={classes.controls}>
        <StreamingJobControl data={data} fresh={fresh} />
        <SimulatorControl data={data} fresh={fresh} />
      </div>
    </Panel>
  );
}
