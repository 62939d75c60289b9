import { useId, type ReactNode } from "react";

import classes from "./Panel.module.css";

interface PanelProps {
  /** What a link leads to it by. */
  anchor?: string;
  title: string;
  /** A word on what the figures of this panel are, beside the title. */
  note?: ReactNode;
  actions?: ReactNode;
  className?: string;
  children: ReactNode;
}

export function Panel({ anchor, title, note, actions, className, children }: PanelProps) {
  const id = useId();
  return (
    <section
      id={anchor}
      tabIndex={anchor === undefined ? undefined : -1}
      className={[classes.panel, className].filter(Boolean).join(" ")}
      aria-labelledby={id}
    >
      <header className={classes.header}>
        <h2 id={id} className={classes.title}>
          {title}
        </h2>
        {note !== undefined && <span className={classes.note}>{note}</span>}
        {actions !== undefined && <div className={classes.actions}>{actions}</div>}
      </header>
      {children}
    </section>
  );
}
