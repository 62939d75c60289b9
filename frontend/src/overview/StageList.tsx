import { Status } from "@/components/Status";
import { fitting, rate } from "@/format/numbers";

import type { Stages } from "./stages";
import classes from "./StageList.module.css";

/** The graph as a table: the same stages, the same figures. */
export function StageList({ stages: { chain, deadLetters } }: { stages: Stages }) {
  return (
    <table className={classes.table}>
      <thead>
        <tr>
          <th scope="col">Stage</th>
          <th scope="col">State</th>
          <th scope="col">Figures</th>
        </tr>
      </thead>
      <tbody>
        {chain.map(({ id, name, health, word, facts }) => (
          <tr key={id}>
            <th scope="row">{name}</th>
            <td>
              <Status health={health} word={word} />
            </td>
            <td>
              <span className={classes.facts}>
                {facts.map(({ label, value, exact }) => (
                  <span key={label} title={exact}>
                    <span className={classes.label}>{label}</span> {value}
                  </span>
                ))}
              </span>
            </td>
          </tr>
        ))}
        <tr>
          <th scope="row">Dead letters</th>
          <td>
            <Status health={deadLetters.total > 0 ? "failing" : "ok"} word={deadLetters.total > 0 ? "some" : "none"} />
          </td>
          <td>
            <span className={classes.facts}>
              <span>
                <span className={classes.label}>in all</span> {fitting(deadLetters.total)}
              </span>
              <span>
                <span className={classes.label}>now</span> {rate(deadLetters.rate)} /s
              </span>
            </span>
          </td>
        </tr>
      </tbody>
    </table>
  );
}
