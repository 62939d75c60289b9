import type { Attention as Item } from "@/api/types";
import { SEVERITY_HEALTH } from "@/components/health";
import { Panel } from "@/components/Panel";
import { StatusIcon } from "@/components/Status";
import { Ago } from "@/components/Ago";

import classes from "./Attention.module.css";

interface AttentionProps {
  items: Item[];
  fresh: boolean;
  className?: string;
}

/** What is wrong, where and since when, the gravest first; one line when nothing is. */
export function Attention({ items, fresh, className }: AttentionProps) {
  return (
    <Panel title="Needs attention" note={items.length > 0 ? items.length : undefined} className={className}>
      <ul className={classes.list} data-testid="attention">
        {!fresh && (
          <li className={classes.item}>
            <StatusIcon health="stale" size={16} />
            <div>
              <p className={classes.title}>This page is not live</p>
              <p className={classes.detail}>Whether anything else is wrong is not known.</p>
            </div>
          </li>
        )}
        {items.map(({ code, severity, title, detail, since }) => (
          <li key={code} className={classes.item}>
            <StatusIcon health={SEVERITY_HEALTH[severity]} size={16} />
            <div>
              <p className={classes.title}>{title}</p>
              <p className={classes.detail}>
                {detail && `${detail} · `}
                {severity}, since <Ago at={since} />
              </p>
            </div>
          </li>
        ))}
        {fresh && items.length === 0 && (
          <li className={classes.item}>
            <StatusIcon health="ok" size={16} />
            <p>Nothing: everything that is watched is as it should be.</p>
          </li>
        )}
      </ul>
    </Panel>
  );
}
