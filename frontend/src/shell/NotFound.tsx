import { Anchor } from "@mantine/core";
import { Link, useLocation } from "react-router";

import { Empty } from "@/components/Notice";

import { PAGES } from "./navigation";
import classes from "./NotFound.module.css";

/** For an address that leads nowhere: which it was, and the way back. */
export function NotFound() {
  const { pathname, search } = useLocation();
  return (
    <div className={classes.notFound}>
      <Empty title="There is no such page">
        Nothing is at <code>{pathname}</code>. An old link, or a slip of the keyboard?
      </Empty>
      <ul className={classes.ways}>
        {PAGES.map(({ to, label }) => (
          <li key={to}>
            <Anchor component={Link} to={{ pathname: to, search }}>
              Back to {label}
            </Anchor>
          </li>
        ))}
      </ul>
    </div>
  );
}
