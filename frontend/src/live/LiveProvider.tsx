import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useMemo, useState, useSyncExternalStore, type ReactNode } from "react";

import { keys } from "@/api/keys";
import { overviewQuery } from "@/api/queries";
import type { Overview } from "@/api/types";
import { epoch } from "@/format/time";
import { useNow } from "@/format/useNow";

import { LiveContext } from "./context";
import { Feed } from "./feed";
import { LiveSocket } from "./socket";
import { liveState } from "./status";
import { LiveStore } from "./store";

const SESSION_CHECK_MS = 10_000;
/** What was missed for longer than a bucket of the finest rollups is fetched from them. */
const HOLE_SECONDS = 10;

/** Joins socket, snapshot and page for one pipeline. */
export function LiveProvider({ pipeline, children }: { pipeline: string; children: ReactNode }) {
  const client = useQueryClient();
  const [store] = useState(() => new LiveStore());
  const [feed] = useState(
    () =>
      new Feed<Overview["data"]>(
        async () => {
          const snapshot = await client.query(overviewQuery(pipeline));
          const heard = store.get().samples.at(-1)?.at;
          if (heard !== undefined && epoch(snapshot.at) - heard > HOLE_SECONDS)
            void client.invalidateQueries({ queryKey: keys.pipelineSeries(pipeline) });
          return snapshot;
        },
        (next) => store.show(next),
      ),
  );

  useEffect(() => {
    let subscribed = false;
    let checked = Date.now();
    const askSession = () => {
      checked = Date.now();
      void client.invalidateQueries({ queryKey: keys.session });
    };
    const socket = new LiveSocket(`${location.origin.replace(/^http/, "ws")}/ws/v1/live`, [`pipeline.${pipeline}`], {
      onSubscribed: () => {
        feed.rebase();
        if (subscribed) {
          store.forgetSamples();
          void feed.heal();
          void client.invalidateQueries({ queryKey: keys.pipelineSeries(pipeline) });
        }
        subscribed = true;
      },
      onMessage: (message) => {
        store.arrive(Date.now() / 1000);
        feed.take(message);
      },
      onState: (state) => {
        store.connect(state);
        // A login that has ended cannot be told from a server that is away: both refuse the handshake.
        if (state === "closed" && Date.now() - checked > SESSION_CHECK_MS) askSession();
      },
      onLoginEnded: askSession,
    });
    void feed.heal();
    return () => socket.close();
  }, [client, feed, pipeline, store]);

  const view = useSyncExternalStore(store.subscribe, store.get);
  const state = liveState(view, useNow());
  const live = useMemo(
    () => ({
      ...view,
      state,
      toggle: () => store.togglePause(Date.now() / 1000),
      refresh: () => void feed.heal(),
    }),
    [feed, state, store, view],
  );
  return <LiveContext value={live}>{children}</LiveContext>;
}
