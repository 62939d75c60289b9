import { Button } from "@mantine/core";
import type { ReactNode } from "react";

import { asProblem } from "@/api/problem";

import { StatusIcon } from "./Status";
import classes from "./Notice.module.css";

/** Why there is nothing here, and what to do next. */
export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className={classes.empty}>
      <p className={classes.title}>{title}</p>
      {children !== undefined && <p className={classes.detail}>{children}</p>}
    </div>
  );
}

interface ProblemNoticeProps {
  error: unknown;
  onRetry?: () => void;
}

/** An error as the server told it, with the id under which its log has it. */
export function ProblemNotice({ error, onRetry }: ProblemNoticeProps) {
  const problem = asProblem(error);
  return (
    <div className={classes.problem} role="alert">
      <StatusIcon health="failing" size={16} />
      <div className={classes.words}>
        <p className={classes.title}>{problem.title}</p>
        {problem.detail && <p className={classes.detail}>{problem.detail}</p>}
        {problem.sentences.map((sentence) => (
          <p key={sentence} className={classes.detail}>
            {sentence}
          </p>
        ))}
        {problem.requestId && (
          <p className={classes.detail}>
            Request <code>{problem.requestId}</code>
          </p>
        )}
      </div>
      {onRetry && (
        <Button size="compact-sm" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </div>
  );
}
