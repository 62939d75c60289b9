import type { Accounts as Data } from "@/api/types";
import { Panel } from "@/components/Panel";
import { StatusIcon } from "@/components/Status";
import { count } from "@/format/numbers";

import classes from "./Accounts.module.css";

interface AccountsProps {
  accounts: Data;
  fresh: boolean;
  className?: string;
}

/** The five equations with their numbers: what came in, and what of it is still under way. */
export function Accounts({ accounts, fresh, className }: AccountsProps) {
  return (
    <Panel title="Accounts" note="readings, since ever" className={className}>
      <table className={classes.table}>
        <thead>
          <tr>
            <th scope="col">Equation</th>
            <th scope="col">Counted</th>
            <th scope="col">Under way</th>
          </tr>
        </thead>
        <tbody>
          {accounts.equations.map(({ name, left, right, pending, holds }) => {
            const health = !fresh ? "stale" : !holds ? "failing" : accounts.kafka === 0 ? "unknown" : "ok";
            const off = left - right - pending;
            return (
              <tr key={name} data-holds={holds}>
                <th scope="row">
                  <span className={classes.name}>
                    <StatusIcon health={health} size={15} />
                    <span>
                      {name}
                      {!holds && (
                        <span className={classes.off}>{`${count(left)} ≠ ${count(right)}, off by ${count(off)}`}</span>
                      )}
                    </span>
                    <span className={classes.said}>{holds ? "holds" : "does not hold"}</span>
                  </span>
                </th>
                <td>{count(left)}</td>
                <td className={classes.dim}>{pending === 0 ? "0" : count(pending)}</td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Panel>
  );
}
