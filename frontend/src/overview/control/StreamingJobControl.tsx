import { ActionIcon, Tooltip } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { IconHistory, IconPlayerPlay, IconPlayerStop } from "@tabler/icons-react";
import { useRef, useState } from "react";

import { useStreamingJobMove, type JobOrder } from "@/api/mutations";
import { useRole } from "@/api/session";
import type { OverviewData } from "@/api/types";
import { count } from "@/format/numbers";

import { PLACES } from "../attention";
import { Control } from "./Control";
import { Dialog } from "./Dialog";
import { History } from "./History";
import { JobMenu } from "./JobMenu";
import { Launch } from "./Launch";
import { ReasonForm } from "./ReasonForm";
import { Rollback } from "./Rollback";
import { askedWord, streamingJob, type Asked, type JobMove } from "./states";

/** Has the pipeline started, drained, restarted, stopped at once or rolled back. */
export function StreamingJobControl({ data, fresh }: { data: OverviewData; fresh: boolean }) {
  const { pipeline } = data;
  const [dialog, setDialog] = useState<JobMove | null>(null);
  const [asked, setAsked] = useState<Asked | null>(null);
  const [history, { open: openHistory, close: closeHistory }] = useDisclosure(false);
  const order = useStreamingJobMove(pipeline);
  const { operatingBarred } = useRole();
  const button = useRef<HTMLButtonElement>(null);
  const menu = useRef<HTMLButtonElement>(null);
  const stops = data.desired === "running";
  const Icon = stops ? IconPlayerStop : IconPlayerPlay;
  const word = askedWord(asked, data);
  const open = (move: JobMove) => {
    order.reset();
    setDialog(move);
  };
  const close = () => setDialog(null);
  const say = (told: JobOrder) =>
    order.mutate(told, {
      onSuccess: () => {
        setAsked({ move: told.move, pid: data.driver_pid });
        close();
      },
    });
  const form = { isPending: order.isPending, error: order.error, onClose: close };
  return (
    <>
      <Control
        ref={button}
        anchor={PLACES.control.id}
        name="Pipeline"
        state={streamingJob(data, fresh, asked)}
        action={{
          label: stops ? "Drain…" : "Start…",
          icon: <Icon size={14} aria-hidden />,
          onClick: () => open(stops ? "drain" : "start"),
        }}
        barred={operatingBarred ?? word}
        before={
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
        after={<JobMenu data={data} barred={operatingBarred ?? word} onChoose={open} ref={menu} />}
        testId="streaming-job"
      />
      <Dialog opened={dialog === "start"} title={`Start ${pipeline}?`} onClose={close} returnTo={button}>
        <p>A worker launches the driver, which goes on from its checkpoint.</p>
        <Launch
          {...form}
          pipeline={pipeline}
          confirm="Start pipeline"
          onConfirm={(told) => say({ move: "start", ...told })}
        />
      </Dialog>
      <Dialog opened={dialog === "drain"} title={`Drain ${pipeline}?`} onClose={close} returnTo={button}>
        <p>
          The running batches end, then the driver stops. What arrives meanwhile waits in Kafka and is read after the
          next start; nothing is lost.
        </p>
        <ReasonForm {...form} confirm="Drain pipeline" onConfirm={(reason) => say({ move: "drain", reason })} />
      </Dialog>
      <Dialog opened={dialog === "restart"} title={`Restart ${pipeline}?`} onClose={close} returnTo={menu}>
        <p>The running batches end, and the driver is launched anew with the newest version of its configuration.</p>
        <Launch
          {...form}
          pipeline={pipeline}
          confirm="Restart pipeline"
          onConfirm={(told) => say({ move: "restart", ...told })}
        />
      </Dialog>
      <Dialog opened={dialog === "stop"} title={`Stop ${pipeline} now?`} onClose={close} returnTo={menu}>
        <p>
          The driver {data.driver_pid !== null && `(process ${data.driver_pid}) `}ends at once, without waiting for its
          batches. What they had not committed is done again at the next start; nothing is lost.{" "}
          {data.lag.total !== null && `${count(data.lag.total)} readings are not read yet and wait in Kafka.`}
        </p>
        <ReasonForm
          {...form}
          confirm="Stop now"
          danger
          typed={pipeline}
          onConfirm={(reason) => say({ move: "stop", reason })}
        />
      </Dialog>
      <Dialog opened={dialog === "rollback"} title={`Roll ${pipeline} back?`} onClose={close} returnTo={menu}>
        <Rollback {...form} pipeline={pipeline} onConfirm={(told) => say({ move: "rollback", ...told })} />
      </Dialog>
      <History pipeline={pipeline} opened={history} onClose={closeHistory} />
    </>
  );
}
