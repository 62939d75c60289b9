import { ActionIcon, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHistory, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";

import { useStreamingJobMove } from "@/api/mutations";
import { useRole } from "@/api/session";
import type { OverviewData } from "@/api/types";

import { ConfirmDialog } from "./ConfirmDialog";
import { Control } from "./Control";
import { History } from "./History";
import { streamingJob } from "./states";

/** Starts the pipeline, or lets its running batches end and stops it. */
export function StreamingJobControl({ data, fresh }: { data: OverviewData; fresh: boolean }) {
  const [asking, { open, close }] = useDisclosure(false);
  const [history, { open: openHistory, close: closeHistory }] = useDisclosure(false);
  const move = useStreamingJobMove(data.pipeline);
  const { operatingBarred } = useRole();
  const stops = data.desired === "running";
  const Icon = stops ? IconPlayerStop : IconPlayerPlay;
  const ask = () => {
    move.reset();
    open();
  };
  return (
    <>
      <Control
        name="Pipeline"
        state={streamingJob(data, fresh)}
        action={{ label: stops ? "Stop…" : "Start…", icon: <Icon size={14} aria-hidden />, onClick: ask }}
        barred={operatingBarred}
        more={
          <Tooltip label="History">
            <ActionIcon
              variant="subtle"
              color="gray"
              size={26}
              onClick={openHistory}
              aria-label="History of the pipeline"
            >
              <IconHistory size={16} aria-hidden />
            </ActionIcon>
          </Tooltip>
        }
        testId="streaming-job"
      />
      {asking && (
        <ConfirmDialog
          title={stops ? `Stop ${data.pipeline}?` : `Start ${data.pipeline}?`}
          confirm={stops ? "Stop pipeline" : "Start pipeline"}
          isPending={move.isPending}
          error={move.error}
          onConfirm={(reason) => move.mutate({ move: stops ? "drain" : "start", reason }, { onSuccess: close })}
          onClose={close}
        >
          {stops
            ? "The running batches end, then the driver stops. What arrives meanwhile waits in Kafka and is read after the next start; nothing is lost."
            : "A worker launches the driver, which goes on from its checkpoint."}
        </ConfirmDialog>
      )}
      {history && <History pipeline={data.pipeline} onClose={closeHistory} />}
    </>
  );
}
