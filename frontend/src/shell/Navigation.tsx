import { Tooltip } from "@mantine/core";
import { IconExternalLink } from "@tabler/icons-react";
import { NavLink, useLocation } from "react-router";

import { useEnvironment } from "@/api/queries";
import { useRole } from "@/api/session";

import { Account } from "./Account";
import { Brand } from "./Brand";
import { OUTSIDE, PAGES } from "./navigation";
import classes from "./Navigation.module.css";

interface NavigationProps {
  onNavigate?: () => void;
  withBrand?: boolean;
}

export function Navigation({ onNavigate, withBrand = true }: NavigationProps) {
  const { search } = useLocation();
  const { isAdministrator } = useRole();
  const version = useEnvironment().data?.version;
  return (
    <nav className={classes.navigation} aria-label="Main">
      {withBrand && <Brand />}
      <ul className={classes.list}>
        {PAGES.map(({ label, to, icon: Icon }) => (
          <li key={to}>
            <NavLink to={{ pathname: to, search }} end className={classes.link} onClick={onNavigate}>
              <Icon size={17} stroke={1.7} aria-hidden />
              {label}
            </NavLink>
          </li>
        ))}
      </ul>
      <ul className={classes.list} aria-label="Beside the console">
        {OUTSIDE.map(({ label, href, icon: Icon, staffOnly }) => {
          const barred = staffOnly && !isAdministrator;
          return (
            <li key={href}>
              <Tooltip
                label="Only administrators may open the admin"
                disabled={!barred}
                events={{ hover: true, focus: true, touch: true }}
              >
                <a
                  className={classes.link}
                  href={barred ? undefined : href}
                  aria-disabled={barred || undefined}
                  role={barred ? "link" : undefined}
                  tabIndex={0}
                >
                  <Icon size={17} stroke={1.7} aria-hidden />
                  {label}
                  <IconExternalLink size={13} className={classes.external} aria-hidden />
                </a>
              </Tooltip>
            </li>
          );
        })}
      </ul>
      <div className={classes.bottom}>
        <Account />
        {version !== undefined && <p className={classes.version}>Penstock {version}</p>}
      </div>
    </nav>
  );
}
