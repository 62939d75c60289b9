import {
  IconAlertTriangleFilled,
  IconCircleCheckFilled,
  IconCircleXFilled,
  IconClockPause,
  IconHelpCircleFilled,
  IconPlayerPauseFilled,
  IconProgress,
  type Icon,
} from "@tabler/icons-react";

import type { Health } from "./health";
import classes from "./Status.module.css";

const ICONS: Record<Health, Icon> = {
  ok: IconCircleCheckFilled,
  working: IconProgress,
  warning: IconAlertTriangleFilled,
  failing: IconCircleXFilled,
  unknown: IconHelpCircleFilled,
  stale: IconClockPause,
  idle: IconPlayerPauseFilled,
};

export function StatusIcon({ health, size = 14 }: { health: Health; size?: number }) {
  const Icon = ICONS[health];
  return <Icon size={size} className={classes.icon} data-health={health} aria-hidden />;
}

/** Icon, word and colour together: none of them is needed to understand the others. */
export function Status({ health, word }: { health: Health; word: string }) {
  return (
    <span className={classes.status} data-health={health}>
      <StatusIcon health={health} />
      <span>{word}</span>
    </span>
  );
}
