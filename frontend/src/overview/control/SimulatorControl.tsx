import { useDisclosure } from "@mantine/hooks";
import { IconPlayerPause, IconPlayerPlay } from "@tabler/icons-react";

import { useSimulatorMove } from "@/api/mutations";
import { useRole } from "@/api/session";
import type { OverviewData } from "@/api/types";

import { ConfirmDialog } from "./ConfirmDialog";
import { Control } from "./Control";
import { simulator } from "./states";

/** Pauses the stack's simulator, or lets it go on. */
export function SimulatorControl({ data, fresh }: { data: OverviewData; fresh: boolean }) {
  const [asking, { open, close }] = useDisclosure(false);
  const move = useSimulatorMove(data.pipeline);
  const { operatingBarred } = useRole();
  const pauses = data.simulator.desired === "running";
  const Icon = pauses ? IconPlayerPause : IconPlayerPlay;
  const ask = () => {
    move.reset();
    open();
  };
  return (
    <>
      <Control
        name="Simulator"
        state={simulator(data, fresh)}
        action={{ label: pauses ? "Pause…" : "Resume…", icon: <Icon size={14} aria-hidden />, onClick: ask }}
        barred={operatingBarred}
        testId="simulator"
      />
      {asking && (
        <ConfirmDialog
          title={pauses ? "Pause the simulator?" : "Resume the simulator?"}
          confirm={pauses ? "Pause simulator" : "Resume simulator"}
          isPending={move.isPending}
          error={move.error}
          onConfirm={(reason) => move.mutate({ move: pauses ? "stop" : "start", reason }, { onSuccess: close })}
          onClose={close}
        >
          {pauses
            ? "It sends nothing more until it is resumed, and makes up for nothing afterwards. Readings of other sources go on."
            : "It goes on with readings of now; the time of the pause stays empty."}
        </ConfirmDialog>
      )}
    </>
  );
}
