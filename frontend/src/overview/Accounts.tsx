import type { Accounts as Data } from "@/api/types";
import { Panel } from "@/components/Panel";
import { StatusIcon } from "@/components/Status";
import { count, fitting } from "@/format/numbers";

import { PLACES } from "./attention";
import { accountNote } from "./figures";
import classes from "./Accounts.module.css";

interface AccountsProps {
  accounts: Data;
  fresh: boolean;
  className?: string;
}

/** The five equations with their numbers: what came in, and whether all of it is accounted for. */
export function Accounts({ accounts, fresh, className }: AccountsProps) {
  return (
    <Panel anchor={PLACES.accounts.id} title="Accounts" note="readings, since ever" className={className}>
      <table className={classes.table} data-testid="equations">
        <thead>
          <tr>
            <th scope="col">Account</th>
            <th scope="col">Counted</th>
            <th scope="col" className={classes.stateColumn}>
              State
            </th>
          </tr>
        </thead>
        <tbody>
          {accounts.equations.map((equation) => {
            const { text, health } = accountNote(equation, accounts.kafka, fresh);
            return (
              <tr key={equation.name} data-name={equation.name} data-left={equation.left} data-right={equation.right}>
                <th scope="row">{equation.name}</th>
                <td title={`${count(equation.left)} against ${count(equation.right)}`}>{fitting(equation.left)}</td>
                <td className={classes.stateColumn}>
                  <span className={classes.state} data-health={health}>
                    <StatusIcon health={health ?? "unknown"} size={14} />
                    {text}
                  </span>
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      {!accounts.balanced && accounts.equations.every(({ holds }) => holds) && (
        <p className={classes.off}>
          {`Silver kept ${count(accounts.silver)} readings, and its hours add up to another number.`}
        </p>
      )}
    </Panel>
  );
}
