import { ActionIcon, Skeleton, Tooltip } from "@mantine/core";
import { IconChartLine, IconTable } from "@tabler/icons-react";
import { lazy, Suspense, useState, type ReactNode } from "react";

import { Empty, ProblemNotice } from "@/components/Notice";
import { Panel } from "@/components/Panel";
import { usePage } from "@/app/page";
import type { SeriesView } from "@/live/useSeries";

import { ChartTable } from "./ChartTable";
import type { Line } from "./lines";

const TimeChart = lazy(() => import("./TimeChart"));

interface ChartPanelProps {
  anchor?: string;
  title: string;
  note?: ReactNode;
  lines: readonly Line[];
  series: SeriesView;
  height?: number;
  filled?: boolean;
  format: (value: number | null | undefined) => string;
  /** Why there may be nothing in the range, and what would bring it. */
  empty: string;
  className?: string;
}

/** A chart with its table, and words instead of either while there is nothing to draw. */
export function ChartPanel({
  anchor,
  title,
  note,
  lines,
  series,
  height = 168,
  filled,
  format,
  empty,
  className,
}: ChartPanelProps) {
  const [asTable, setAsTable] = useState(false);
  const { zone, range } = usePage();
  const { from, to, resolution } = series;
  const drawn = { title, lines, from, to, resolution, zone, height, format };
  const blank = lines.every(({ points }) => points.length === 0);
  const toggle = asTable ? "Show as chart" : "Show as table";
  return (
    <Panel
      anchor={anchor}
      title={title}
      note={note}
      className={className}
      actions={
        <Tooltip label={toggle}>
          <ActionIcon
            variant="subtle"
            color="gray"
            size={26}
            onClick={() => setAsTable(!asTable)}
            aria-label={`${title}: ${toggle.toLowerCase()}`}
          >
            {asTable ? <IconChartLine size={16} aria-hidden /> : <IconTable size={16} aria-hidden />}
          </ActionIcon>
        </Tooltip>
      }
    >
      {series.error !== null && <ProblemNotice error={series.error} onRetry={series.retry} />}
      {series.isPending ? (
        <Skeleton height={height} />
      ) : blank ? (
        series.error === null && <Empty title={`Nothing in the ${range.label.toLowerCase()}`}>{empty}</Empty>
      ) : asTable ? (
        <ChartTable {...drawn} />
      ) : (
        <Suspense fallback={<Skeleton height={height} />}>
          <TimeChart {...drawn} filled={filled} />
        </Suspense>
      )}
    </Panel>
  );
}
