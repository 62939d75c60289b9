import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";
import { useRef } from "react";

import { useSimulatorMove } from "@/api/mutations";
import { useRole } from "@/api/session";
import type { OverviewData } from "@/api/types";

import { PLACES } from "../attention";
import { Control } from "./Control";
import { Dialog } from "./Dialog";
import { ReasonForm } from "./ReasonForm";
import { simulator } from "./states";

/** Pauses the stack's simulator, or lets it go on. */
export function SimulatorControl({ data, fresh }: { data: OverviewData; fresh: boolean }) {
  const [asking, { open, close }] = useDisclosure(false);
  const move = useSimulatorMove(data.pipeline);
  const { operatingBarred } = useRole();
  const button = useRef<HTMLButtonElement>(null);
  const pauses = data.simulator.desired === "running";
  const Icon = pauses ? IconPlayerPause : IconPlayerPlay;
  const ask = () => {
    move.reset();
    open();
  };
  return (
    <>
      <Control
        ref={button}
        anchor={PLACES.simulator.id}
        name="Simulator"
        state={simulator(data, fresh)}
        action={{
          label: pauses ? "Pause…" : "Resume…",
          icon: <Icon size={14} aria-hidden />,
          onClick: ask,
        }}
        barred={operatingBarred}
        testId="simulator"
      />
      <Dialog
        opened={asking}
        title={pauses ? "Pause the simulator?" : "Resume the simulator?"}
        onClose={close}
        returnTo={button}
      >
        <p>
          {pauses
            ? "It sends nothing more until it is resumed, and makes up for nothing afterwards. Readings of other sources go on."
            : "It goes on with readings of now; the time of the pause stays empty."}
        </p>
        <ReasonForm
          confirm={pauses ? "Pause simulator" : "Resume simulator"}
          isPending={move.isPending}
          error={move.error}
          onConfirm={(reason) => move.mutate({ move: pauses ? "stop" : "start", reason }, { onSuccess: close })}
          onClose={close}
        />
      </Dialog>
    </>
  );
}
