import type { Attention as Item } from "@/api/types";
import { usePage } from "@/app/page";
import { Ago } from "@/components/Ago";
import { severityHealth } from "@/components/health";
import { Panel } from "@/components/Panel";
import { StatusIcon } from "@/components/Status";
import { clock } from "@/format/time";

import { mendedAt } from "./attention";
import classes from "./Attention.module.css";

interface AttentionProps {
  items: Item[];
  /** When it was looked at, in seconds since the epoch. */
  at: number;
  fresh: boolean;
  className?: string;
}

/** What is wrong, how gravely, since when and where it is mended, the gravest first; one line when nothing is. */
export function Attention({ items, at, fresh, className }: AttentionProps) {
  const { zone } = usePage();
  return (
    <Panel title="Needs attention" note={items.length > 0 ? items.length : undefined} className={className}>
      <ul className={classes.list} data-testid="attention">
        {!fresh && (
          <li className={classes.item}>
            <StatusIcon health="stale" size={16} />
            <div className={classes.words}>
              <p className={classes.title}>This page is not live</p>
              <p className={classes.detail}>
                What is wrong now is not known; this was looked at last at {clock(at, zone)}.
              </p>
            </div>
          </li>
        )}
        {items.map(({ code, severity, title, detail, since }, index) => {
          const place = mendedAt(code);
          return (
            <li key={`${code} ${index}`} className={classes.item} data-code={code}>
              <StatusIcon health={severityHealth(severity)} size={16} />
              <div className={classes.words}>
                <p className={classes.title}>{title || code}</p>
                {detail && <p className={classes.detail}>{detail}</p>}
                <p className={classes.detail}>
                  {severity}, since <Ago at={since} />
                </p>
              </div>
              <a className={classes.place} href={`#${place.id}`}>
                {place.label}
              </a>
            </li>
          );
        })}
        {fresh && items.length === 0 && (
          <li className={classes.item}>
            <StatusIcon health="ok" size={16} />
            <div className={classes.words}>
              <p>Nothing: everything that is watched is as it should be.</p>
              <p className={classes.detail}>
                Driver, stream, accounts, lag, warehouse and simulator, checked at {clock(at, zone)}.
              </p>
            </div>
          </li>
        )}
      </ul>
    </Panel>
  );
}
