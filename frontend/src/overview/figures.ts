import type { Accounts, Equation, OverviewData } from "@/api/types";
import type { Health } from "@/components/health";
import { count, fitting, short, UNKNOWN } from "@/format/numbers";
import { duration } from "@/format/time";

const LOAD_IS_OLD = 60;

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
    return data.desired === "stopped"
      ? { text: "nobody reads it", health: "idle" }
      : { text: "whether it is read is not known", health: "unknown" };
  // Within a few batches of what arrives: the lag is only what the running batch will take.
  if (total < 5 * reading) return { text: "drains at once", health: "ok" };
  const gaining = reading - (arriving ?? reading);
  if (gaining > 0.02 * reading) return { text: `drains in about ${duration(total / gaining)}`, health: "working" };
  return { text: "does not drain", health: "warning" };
}

/** How one account stands, in words. */
export function accountNote({ left, right, pending, holds }: Equation, kafka: number, fresh: boolean): Note {
  const told = (text: string, health: Health): Note => ({ text, health: fresh ? health : "stale" });
  // What is ahead of its source by `pending` is as wrong as what is behind without a cause.
  if (!holds) return told(`off by ${fitting(Math.abs(left - right - pending) || Math.abs(pending))}`, "failing");
  if (kafka === 0) return told("nothing counted", "unknown");
  return pending > 0 ? told(`pending ${fitting(pending)}`, "working") : told("balanced", "ok");
}

export function accountsNote({ equations, kafka, balanced }: Accounts, fresh: boolean): Note & { value: string } {
  const broken = equations.filter(({ holds }) => !holds).length;
  // Nothing equals nothing: that proves no balance.
  if (kafka === 0 && balanced) return { value: UNKNOWN, text: "nothing is counted yet", health: "unknown" };
  if (!fresh) return { value: balanced ? "balanced" : "unbalanced", text: "when last heard", health: "stale" };
  if (balanced) return { value: "balanced", text: `all ${equations.length} equations hold`, health: "ok" };
  const text = broken > 0 ? `${broken} of ${equations.length} equations fail` : "Silver's hours do not add up";
  return { value: "unbalanced", text, health: "failing" };
}

/** What is measured when a load commits: while none does, the figure is of the past. */
export function latencyNote({ latency: { p50, p95, p99 }, last_load: load, at }: OverviewData): Note {
  if (p95 === null) return { text: "no load in the last 5 minutes", health: "unknown" };
  const age = load ? at - load.at : null;
  if (age === null || age > LOAD_IS_OLD) return { text: `no load for ${duration(age)}`, health: "unknown" };
  return { text: `p50 ${duration(p50)} · p99 ${duration(p99)}`, health: null };
}

export function receivedNote(received: number | null): Note {
  if (received === null) return { text: "received is not known", health: "unknown" };
  return { text: `${received < 1_000_000 ? count(received) : short(received)} received`, health: null };
}
