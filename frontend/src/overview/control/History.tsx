import { Drawer, Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { streamingJobQuery } from "@/api/queries";
import { Ago } from "@/components/Ago";
import { OBSERVED_HEALTH } from "@/components/health";
import { Empty, ProblemNotice } from "@/components/Notice";
import { Status } from "@/components/Status";
import { epoch } from "@/format/time";

import classes from "./History.module.css";

interface HistoryProps {
  pipeline: string;
  opened: boolean;
  onClose: () => void;
}

/** The newest moves of the streaming job, and why each was made. */
export function History({ pipeline, opened, onClose }: HistoryProps) {
  return (
    <Drawer opened={opened} onClose={onClose} position="right" size="md" title={`History of ${pipeline}`}>
      <Moves pipeline={pipeline} />
    </Drawer>
  );
}

function Moves({ pipeline }: { pipeline: string }) {
  const { data, error, isPending, refetch } = useQuery(streamingJobQuery(pipeline));
  return (
    <>
      {error && <ProblemNotice error={error} onRetry={() => void refetch()} />}
      {isPending && <Skeleton height={160} />}
      {data?.moves.length === 0 && (
        <Empty title="Nothing yet">The first start of the pipeline will be the first line here.</Empty>
      )}
      <ol className={classes.moves}>
        {data?.moves.map(({ before, after, reason, at }) => (
          <li key={`${at} ${after}`} className={classes.move}>
            <div className={classes.line}>
              <span className={classes.before}>{before} →</span>
              <Status health={OBSERVED_HEALTH[after]} word={after} />
              <span className={classes.when}>
                <Ago at={epoch(at)} />
              </span>
            </div>
            {reason && <p className={classes.reason}>{reason}</p>}
          </li>
        ))}
      </ol>
    </>
  );
}
