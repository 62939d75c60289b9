import { Kbd, Modal } from "@mantine/core";
import { useHotkeys } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import { useLocation, useNavigate } from "react-router";

import { useRole } from "@/api/session";
import { useLive } from "@/live/context";

import { keysHelp, useKeysHelp } from "./keysHelp";
import { OUTSIDE, PAGES } from "./navigation";
import classes from "./Keys.module.css";

const SEQUENCE_MS = 1_000;

/** The page's keys, and the list of them. */
export function Keys() {
  const { toggle } = useLive();
  const opened = useKeysHelp();
  useGoTo();
  useHotkeys([
    [".", toggle],
    ["shift+?", keysHelp.open],
    ["?", keysHelp.open],
  ]);
  const rows: [string[], string][] = [
    [["Ctrl", "K"], "Find a page or an action"],
    [["."], "Pause the page, or go on"],
    ...[...PAGES, ...OUTSIDE].map(({ key, label }): [string[], string] => [["g", key], `Go to ${label}`]),
    [["?"], "This list"],
    [["Esc"], "Close what is open"],
  ];
  return (
    <Modal opened={opened} onClose={keysHelp.close} title="Keys" size="sm">
      <dl className={classes.keys}>
        {rows.map(([keys, meaning]) => (
          <div key={meaning} className={classes.row}>
            <dt>
              {keys.map((key) => (
                <Kbd key={key}>{key}</Kbd>
              ))}
            </dt>
            <dd>{meaning}</dd>
          </div>
        ))}
      </dl>
    </Modal>
  );
}

/** `g`, then the letter of a place. */
function useGoTo(): void {
  const navigate = useNavigate();
  const { search } = useLocation();
  const { isAdministrator } = useRole();
  const pressed = useRef(0);
  useEffect(() => {
    const listen = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      if (event.ctrlKey || event.metaKey || event.altKey || target.closest("input, textarea, select, [role=dialog]"))
        return;
      if (event.key === "g") {
        pressed.current = event.timeStamp;
        return;
      }
      const follows = event.timeStamp - pressed.current < SEQUENCE_MS;
      pressed.current = 0;
      if (!follows) return;
      const page = PAGES.find(({ key }) => key === event.key);
      const outside = OUTSIDE.find(({ key, staffOnly }) => key === event.key && (isAdministrator || !staffOnly));
      if (page) void navigate({ pathname: page.to, search });
      else if (outside) location.assign(outside.href);
    };
    window.addEventListener("keydown", listen);
    return () => window.removeEventListener("keydown", listen);
  }, [isAdministrator, navigate, search]);
}
