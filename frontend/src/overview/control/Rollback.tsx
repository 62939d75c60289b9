import { Button, Radio, Skeleton } from "@mantine/core";
import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { streamingJobQuery, versionsQuery } from "@/api/queries";
import type { Version } from "@/api/types";
import { Ago } from "@/components/Ago";
import { Empty, ProblemNotice } from "@/components/Notice";
import { epoch } from "@/format/time";

import { Launch } from "./Launch";
import type { ReasonFormProps } from "./ReasonForm";
import classes from "./Rollback.module.css";
import { changesOf } from "./versions";

interface RollbackProps extends Pick<ReasonFormProps, "isPending" | "error" | "onClose"> {
  pipeline: string;
  onConfirm: (told: { version: number; reason: string; accept: boolean }) => void;
}

/** Which version, by what it would change; what the checkpoint says to that; and why. */
export function Rollback({ pipeline, onConfirm, ...form }: RollbackProps) {
  const versions = useInfiniteQuery(versionsQuery(pipeline));
  const job = useQuery(streamingJobQuery(pipeline));
  const [chosen, setChosen] = useState<number | null>(null);
  const problem = versions.error ?? job.error;
  if (problem) {
    const retry = () => void Promise.all([versions.refetch(), job.refetch()]);
    return <ProblemNotice error={problem} onRetry={retry} />;
  }
  if (!versions.data || !job.data) return <Skeleton height={120} />;

  const known = versions.data.pages.flatMap(({ results }) => results);
  const newest = known[0]?.number;
  const running = known.find(({ number }) => number === (job.data.version ?? newest));
  const others = known.filter(({ number }) => number !== running?.number);
  return (
    <>
      <p>
        A new version with the configuration of the chosen one is made, and the driver is drained and launched with it
        if it is wanted to run. The sensor types stay as the registry has them.
      </p>
      {others.length === 0 && <Empty title="There is no other version">A change of the configuration makes one.</Empty>}
      <Radio.Group
        label={running ? `Versions, against ${running.number}, the running one` : "Versions"}
        value={chosen === null ? null : String(chosen)}
        onChange={(value) => setChosen(Number(value))}
        mt="md"
      >
        <div className={classes.versions}>
          {others.map((version) => (
            <Radio
              key={version.number}
              value={String(version.number)}
              label={
                <>
                  Version {version.number}
                  {version.number === newest && ", the newest"}{" "}
                  <span className={classes.when}>
                    made <Ago at={epoch(version.created_at)} />
                  </span>
                </>
              }
              description={wordsOf(running, version)}
            />
          ))}
        </div>
      </Radio.Group>
      {versions.hasNextPage && (
        <Button
          size="compact-sm"
          variant="default"
          mt="xs"
          loading={versions.isFetchingNextPage}
          onClick={() => void versions.fetchNextPage()}
        >
          Older versions
        </Button>
      )}
      {chosen !== null && (
        <Launch
          key={chosen}
          {...form}
          pipeline={pipeline}
          version={chosen}
          confirm={`Roll back to version ${chosen}`}
          danger
          onConfirm={(told) => onConfirm({ version: chosen, ...told })}
        />
      )}
    </>
  );
}

function wordsOf(running: Version | undefined, version: Version): string {
  if (!running) return "What it would change is not known.";
  const changes = changesOf(running.configuration, version.configuration);
  if (changes.length === 0) return "The same configuration as the running one.";
  return changes.map(({ name, before, after }) => `${name} ${before} → ${after}`).join(", ");
}
