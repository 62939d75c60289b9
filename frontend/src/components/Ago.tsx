import { usePage } from "@/app/page";
import { ago, exact } from "@/format/time";
import { useNow } from "@/format/useNow";

/** A moment as people say it; the exact one on hover. */
export function Ago({ at }: { at: number }) {
  const now = useNow();
  const { zone } = usePage();
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={exact(at, zone)}>
      {ago(Math.max(0, now - at))}
    </time>
  );
}
