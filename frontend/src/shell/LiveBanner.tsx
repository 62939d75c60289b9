import { Button } from "@mantine/core";

import { StatusIcon } from "@/components/Status";
import { usePage } from "@/app/page";
import { clock, duration, epoch } from "@/format/time";
import { useNow } from "@/format/useNow";
import { useLive } from "@/live/context";
import type { LiveState } from "@/live/status";

import classes from "./LiveBanner.module.css";

const WORDS: Partial<Record<LiveState, string>> = {
  reconnecting: "Not live: the connection is lost, and the page tries again by itself.",
  silent: "Not live: the control plane answers, but nothing new is published.",
};

/** Says that what is below is not of now, and of when it is. */
export function LiveBanner() {
  const { state, arrived, snapshot, refresh } = useLive();
  const { zone } = usePage();
  const now = useNow();
  const words = WORDS[state];
  return (
    <div aria-live="polite">
      {words !== undefined && (
        <div className={classes.banner} data-testid="not-live">
          <StatusIcon health="stale" size={16} />
          <span className={classes.words}>
            {words}
            {snapshot && ` Figures are as of ${clock(epoch(snapshot.at), zone)}`}
            {arrived !== null && `, ${duration(Math.max(0, Math.round(now - arrived)))} ago`}
            {snapshot && "."}
          </span>
          <Button size="compact-sm" variant="default" onClick={refresh}>
            Fetch now
          </Button>
        </div>
      )}
    </div>
  );
}
