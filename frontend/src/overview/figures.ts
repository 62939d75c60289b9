import type { Accounts, OverviewData } from "@/api/types";
import type { Health } from "@/components/health";
import { count, short, UNKNOWN } from "@/format/numbers";
import { duration } from "@/format/time";

export interface Note {
  text: string;
  health: Health | null;
}

/** How old the oldest unread record is about to be: what waits, at the rate at which it is read. */
export function lagSeconds(data: OverviewData): number | null {
  const { total } = data.lag;
  const reading = data.rates.ingested;
  if (total === 0) return 0;
  return total === null || reading === null || reading <= 0 ? null : total / reading;
}

export function lagNote(data: OverviewData, arriving: number | null): Note {
  const { total } = data.lag;
  const reading = data.rates.ingested;
  if (total === null) return { text: "Kafka's ends are not known", health: "unknown" };
  if (total === 0) return { text: "everything is read", health: "ok" };
  if (reading === null || reading <= 0)
    return { text: "nobody reads it", health: data.desired === "stopped" ? "idle" : "unknown" };
  // Within a few batches of what arrives: the lag is only what the running batch will take.
  if (total < 5 * reading) return { text: "drains at once", health: "ok" };
  const gaining = reading - (arriving ?? reading);
  if (gaining > 0.02 * reading) return { text: `drains in about ${duration(total / gaining)}`, health: "working" };
  return { text: "does not drain", health: "warning" };
}

export function accountsNote({ equations, kafka }: Accounts, fresh: boolean): Note & { value: string } {
  const broken = equations.filter(({ holds }) => !holds).length;
  // Nothing equals nothing: that proves no balance.
  if (kafka === 0 && broken === 0) return { value: UNKNOWN, text: "nothing is counted yet", health: "unknown" };
  if (!fresh) return { value: broken > 0 ? "unbalanced" : "balanced", text: "when last heard", health: "stale" };
  if (broken > 0)
    return { value: "unbalanced", text: `${broken} of ${equations.length} equations fail`, health: "failing" };
  return { value: "balanced", text: `all ${equations.length} equations hold`, health: "ok" };
}

export function receivedNote(received: number | null): Note {
  if (received === null) return { text: "received is not known", health: "unknown" };
  return { text: `${received < 1_000_000 ? count(received) : short(received)} received`, health: null };
}
