import { Skeleton } from "@mantine/core";
import { useQuery } from "@tanstack/react-query";

import { preflightQuery } from "@/api/queries";
import { Verdict, type Preflight } from "@/api/types";
import { ProblemNotice } from "@/components/Notice";
import { Status } from "@/components/Status";
import { count } from "@/format/numbers";

import classes from "./Launch.module.css";
import { ReasonForm, type ReasonFormProps } from "./ReasonForm";

interface LaunchProps extends Omit<ReasonFormProps, "accept" | "onConfirm"> {
  pipeline: string;
  /** The newest unless told. */
  version?: number;
  onConfirm: (told: { reason: string; accept: boolean }) => void;
}

/** What the checkpoint says to a launch, before anything is asked for; and then the asking. */
export function Launch({ pipeline, version, onConfirm, ...form }: LaunchProps) {
  const { data, error, isFetching, refetch } = useQuery(preflightQuery(pipeline, version));
  if (isFetching) return <Skeleton height={84} mt="md" aria-label="The checkpoint is being looked at" />;
  if (!data) return <ProblemNotice error={error} onRetry={() => void refetch()} />;
  const accept = data.verdict !== Verdict.SAFE_RESTART;
  return (
    <>
      <PreflightVerdict preflight={data} />
      <ReasonForm
        {...form}
        accept={accept ? "Go on though the preflight says that it is not safe" : undefined}
        onConfirm={(reason) => onConfirm({ reason, accept })}
      />
    </>
  );
}

function PreflightVerdict({ preflight: { verdict, reasons, backfill_from: starts } }: { preflight: Preflight }) {
  const safe = verdict === Verdict.SAFE_RESTART;
  return (
    <section className={classes.preflight} data-testid="preflight" data-verdict={verdict} aria-label="Preflight">
      <Status
        health={safe ? "ok" : "warning"}
        word={safe ? "Safe: the checkpoint allows it" : "Not safe: a new checkpoint is needed"}
      />
      <ul className={classes.reasons}>
        {reasons.map((reason) => (
          <li key={reason}>{reason}</li>
        ))}
        {starts !== null && (
          <li>
            A new checkpoint would need a backfill from{" "}
            {Object.entries(starts)
              .map(([partition, offset]) => `partition ${partition}: offset ${count(offset)}`)
              .join(", ")}
            .
          </li>
        )}
      </ul>
    </section>
  );
}
