import { Anchor } from "@mantine/core";
import { useDocumentTitle } from "@mantine/hooks";
import { Link } from "react-router";

import { Empty } from "@/components/Notice";

import classes from "./Shell.module.css";
import { titleOf } from "./title";

export function NoPipeline({ asked, known }: { asked: string | null; known: string[] }) {
  const first = known[0];
  useDocumentTitle(titleOf("No such pipeline"));
  return (
    <main className={classes.alone}>
      {asked !== null ? (
        <Empty title={`There is no pipeline ${asked}`}>
          {first !== undefined && (
            <Anchor component={Link} to={`/?pipeline=${encodeURIComponent(first)}`}>
              Open {first}
            </Anchor>
          )}
        </Empty>
      ) : (
        <Empty title="There is no pipeline yet">
          `penstock up` makes the first one; on a cluster, `python -m pipeline_workers.provision` does.
        </Empty>
      )}
    </main>
  );
}
