import type { OverviewData } from "@/api/types";
import { Ago } from "@/components/Ago";
import { Empty } from "@/components/Notice";
import { Panel } from "@/components/Panel";
import { count } from "@/format/numbers";
import { duration } from "@/format/time";

import { PLACES } from "./attention";
import classes from "./Commits.module.css";

interface CommitsProps {
  data: OverviewData;
  className?: string;
}

/** What each part of the pipeline did last, and how long ago. */
export function Commits({ data: { last_batches: batches, last_load: load }, className }: CommitsProps) {
  const done = [
    { name: "Ingest", last: batches.ingest, rows: batches.ingest?.rows_in },
    { name: "Refine", last: batches.refine, rows: batches.refine?.rows_in },
    { name: "Aggregate", last: batches.aggregate, rows: batches.aggregate?.rows_in },
    { name: "Load", last: load, rows: load?.windows },
  ];
  return (
    <Panel anchor={PLACES.commits.id} title="Last commits" className={className}>
      {done.every(({ last }) => last === null) ? (
        <Empty title="None yet">The first comes with the first micro-batch.</Empty>
      ) : (
        <table className={classes.table}>
          <thead>
            <tr>
              <th scope="col">Part</th>
              <th scope="col">Rows</th>
              <th scope="col">Took</th>
              <th scope="col">When</th>
            </tr>
          </thead>
          <tbody>
            {done.map(({ name, last, rows }) => (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>{count(rows)}</td>
                <td>{duration(last?.seconds)}</td>
                <td>{last ? <Ago at={last.at} /> : "never"}</td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </Panel>
  );
}
