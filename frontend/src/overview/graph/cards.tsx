import { Handle, Position, type Node, type NodeProps } from "@xyflow/react";

import { Sparkline } from "@/components/Sparkline";
import { Status, StatusIcon } from "@/components/Status";
import { count, rate, short } from "@/format/numbers";

import type { DeadLetters, Stage } from "../stages";
import classes from "./cards.module.css";

type StageNodeData = Node<{ stage: Stage; from: number; to: number; gap: number }>;

export function StageNode({ data: { stage, from, to, gap } }: NodeProps<StageNodeData>) {
  return (
    <div className={classes.card} data-health={stage.health}>
      <div className={classes.name}>{stage.name}</div>
      <dl className={classes.facts}>
        <div>
          <dt>state</dt>
          <dd>
            <Status health={stage.health} word={stage.word} />
          </dd>
        </div>
        {stage.facts.map(({ label, value, exact }) => (
          <div key={label} title={exact}>
            <dt>{label}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      <Sparkline points={stage.spark} from={from} to={to} gap={gap} className={classes.spark} />
      <Handle type="target" position={Position.Left} />
      <Handle type="source" position={Position.Right} id="out" />
      {stage.id === "bronze" && <Handle type="source" position={Position.Bottom} id="down" />}
    </div>
  );
}

type DeadLettersNodeData = Node<{ deadLetters: DeadLetters }>;

export function DeadLettersNode({ data: { deadLetters } }: NodeProps<DeadLettersNodeData>) {
  return (
    <div className={classes.dead} title={`${count(deadLetters.total)} refused`}>
      <StatusIcon health="failing" size={13} />
      <span className={classes.deadWords}>
        <span className={classes.name}>Dead letters</span>
        <span className={classes.deadFigures}>
          {short(deadLetters.total)} · {rate(deadLetters.rate)} /s
        </span>
      </span>
      <Handle type="target" position={Position.Left} />
    </div>
  );
}
