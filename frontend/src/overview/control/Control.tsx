import { Button, Loader, Tooltip } from "@mantine/core";
import type { ReactNode, Ref } from "react";

import { Status } from "@/components/Status";

import type { Controlled } from "./states";
import classes from "./Control.module.css";

interface ControlProps {
  /** What a link leads to it by. */
  anchor: string;
  name: string;
  state: Controlled;
  action: { label: string; icon: ReactNode; onClick: () => void };
  /** Why the action may not be taken; null when it may. */
  barred: string | null;
  /** What stands before and after the action. */
  before?: ReactNode;
  after?: ReactNode;
  testId: string;
  /** Of the action's button. */
  ref: Ref<HTMLButtonElement>;
}

/** What is wanted and what is observed, side by side, and the one thing that can be done about it. */
export function Control({ anchor, name, state, action, barred, before, after, testId, ref }: ControlProps) {
  return (
    <div
      id={anchor}
      tabIndex={-1}
      className={classes.control}
      data-testid={testId}
      data-observed={state.observed}
      data-wanted={state.wanted}
    >
      <h3 className={classes.name}>{name}</h3>
      <dl className={classes.states}>
        <div>
          <dt>wanted</dt>
          <dd>{state.wanted ?? "–"}</dd>
        </div>
        <div>
          <dt>observed</dt>
          <dd>
            <Status health={state.health} word={state.observed} />
          </dd>
        </div>
      </dl>
      <div className={classes.actions}>
        {before}
        <Tooltip label={barred} disabled={barred === null} w={240} events={{ hover: true, focus: true, touch: true }}>
          <Button
            ref={ref}
            size="compact-sm"
            variant="default"
            leftSection={action.icon}
            onClick={barred === null ? action.onClick : undefined}
            data-disabled={barred !== null || undefined}
            aria-disabled={barred !== null || undefined}
            aria-description={barred ?? undefined}
          >
            {action.label}
          </Button>
        </Tooltip>
        {after}
      </div>
      {(state.progress !== null || state.reason) && (
        <p className={classes.progress} role="status">
          {state.progress !== null && <Loader size={11} aria-hidden />}
          {[state.progress, state.reason].filter(Boolean).join(": ")}
        </p>
      )}
    </div>
  );
}
