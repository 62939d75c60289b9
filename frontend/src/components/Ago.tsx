import { usePage } from "@/app/page";
import { isKnown, UNKNOWN } from "@/format/numbers";
import { ago, exact } from "@/format/time";
import { useNow } from "@/format/useNow";

/** A moment as people say it; the exact one on hover. */
export function Ago({ at }: { at: number | null | undefined }) {
  const now = useNow();
  const { zone } = usePage();
  if (!isKnown(at)) return <span>{UNKNOWN}</span>;
  return (
    <time dateTime={new Date(at * 1000).toISOString()} title={exact(at, zone)}>
      {ago(Math.max(0, now - at))}
    </time>
  );
}
