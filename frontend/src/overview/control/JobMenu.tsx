import { ActionIcon, Menu, Tooltip } from "@mantine/core";
import { IconDots, IconPlayerStopFilled, IconRefresh, IconRestore } from "@tabler/icons-react";
import type { Ref } from "react";

import type { OverviewData } from "@/api/types";

import classes from "./Control.module.css";
import type { JobMove } from "./states";

interface JobMenuProps {
  data: OverviewData;
  /** Why nothing of it may be done; null when it may. */
  barred: string | null;
  onChoose: (move: JobMove) => void;
  ref: Ref<HTMLButtonElement>;
}

/** What is done seldom to the job, beside starting and draining it. */
export function JobMenu({ data, barred, onChoose, ref }: JobMenuProps) {
  const rests = data.desired === "stopped" && (data.observed === "stopped" || data.observed === "failed");
  const items = [
    {
      move: "restart",
      label: "Restart…",
      icon: IconRefresh,
      not: data.desired === "running" ? null : "It is not wanted to run: start it.",
    },
    { move: "stop", label: "Stop now…", icon: IconPlayerStopFilled, not: rests ? "It does not run." : null },
    { move: "rollback", label: "Roll back…", icon: IconRestore, not: null },
  ] as const;
  const button = (
    <ActionIcon
      ref={ref}
      variant="default"
      size={26}
      aria-label="More to do with the pipeline"
      data-disabled={barred !== null || undefined}
      aria-disabled={barred !== null || undefined}
      aria-description={barred ?? undefined}
    >
      <IconDots size={16} aria-hidden />
    </ActionIcon>
  );
  if (barred !== null) {
    return (
      <Tooltip label={barred} w={240} events={{ hover: true, focus: true, touch: true }}>
        {button}
      </Tooltip>
    );
  }
  return (
    <Menu position="bottom-end" width={220}>
      <Menu.Target>{button}</Menu.Target>
      <Menu.Dropdown>
        {items.map(({ move, label, icon: Icon, not }) => (
          <Menu.Item
            key={move}
            leftSection={<Icon size={15} aria-hidden />}
            disabled={not !== null}
            onClick={() => onChoose(move)}
          >
            {label}
            {not !== null && <span className={classes.why}>{not}</span>}
          </Menu.Item>
        ))}
      </Menu.Dropdown>
    </Menu>
  );
}
