import { Button, Tooltip } from "@mantine/core";

import type { Health } from "@/components/health";
import { StatusIcon } from "@/components/Status";
import { usePage } from "@/app/page";
import { ago, clock } from "@/format/time";
import { useNow } from "@/format/useNow";
import { useLive } from "@/live/context";
import type { LiveState } from "@/live/status";

const LOOK: Record<LiveState, { health: Health; word: string; hint: string }> = {
  live: { health: "ok", word: "Live", hint: "Pause the page (.)" },
  connecting: { health: "working", word: "Connecting", hint: "Waiting for the first message" },
  reconnecting: { health: "stale", word: "Not live", hint: "The connection is lost; the page tries again by itself" },
  silent: { health: "stale", word: "Not live", hint: "Connected, but nothing new is published" },
  paused: { health: "idle", word: "Paused", hint: "Go on (.)" },
};

/** Whether what is seen is of now; pressing it pauses the page, or lets it go on. */
export function LiveIndicator() {
  const { state, arrived, pausedAt, toggle } = useLive();
  const { zone } = usePage();
  const now = useNow();
  const { health, word, hint } = LOOK[state];
  const since = pausedAt !== null ? `at ${clock(pausedAt, zone)}` : arrived !== null ? updated(now - arrived) : null;
  return (
    <Tooltip label={hint}>
      <Button
        variant="default"
        size="compact-md"
        onClick={toggle}
        leftSection={<StatusIcon health={health} />}
        data-testid="live"
        data-state={state}
      >
        {since === null ? word : `${word} · ${since}`}
      </Button>
    </Tooltip>
  );
}

function updated(seconds: number): string {
  return ago(Math.max(0, seconds));
}
