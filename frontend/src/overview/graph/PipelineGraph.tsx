import "@xyflow/react/dist/base.css";

import { useElementSize } from "@mantine/hooks";
import { Position, ReactFlow, type Edge, type Node } from "@xyflow/react";
import { useMemo } from "react";

import type { SeriesView } from "@/live/useSeries";

import type { Stages } from "../stages";
import { DeadLettersNode, StageNode } from "./cards";
import { boxesOf, DEAD, type Box } from "./layout";
import classes from "./PipelineGraph.module.css";

const NODE_TYPES = { stage: StageNode, dead: DeadLettersNode };
const THINNEST = 1.5;
const THICKEST = 8;

interface PipelineGraphProps {
  stages: Stages;
  series: SeriesView;
}

/** The pipeline as cards that are joined as thickly as readings flow. The list has the same for who cannot see it. */
export default function PipelineGraph({ stages, series }: PipelineGraphProps) {
  const { ref, width } = useElementSize<HTMLDivElement>();
  const boxes = useMemo(() => boxesOf(stages, width), [stages, width]);
  const height = Math.max(...[...boxes.values()].map((box) => box.y + box.height)) + 2;
  return (
    <div ref={ref} className={classes.graph} style={{ height }} role="img" aria-label={spoken(stages)}>
      {width > 0 && (
        <ReactFlow
          nodes={nodesOf(stages, series, boxes)}
          edges={edgesOf(stages)}
          nodeTypes={NODE_TYPES}
          nodesDraggable={false}
          nodesConnectable={false}
          nodesFocusable={false}
          edgesFocusable={false}
          elementsSelectable={false}
          panOnDrag={false}
          zoomOnScroll={false}
          zoomOnPinch={false}
          zoomOnDoubleClick={false}
          preventScrolling={false}
          disableKeyboardA11y
          proOptions={{ hideAttribution: true }}
        />
      )}
    </div>
  );
}

function nodesOf(stages: Stages, series: SeriesView, boxes: Map<string, Box>): Node[] {
  const { from, to, resolution } = series;
  const placed = ({ x, y, width, height }: Box) => ({ position: { x, y }, width, height });
  return [
    ...stages.chain.map((stage) => [stage.id, "stage", { stage, from, to, gap: 3 * resolution }] as const),
    [DEAD, "dead", { deadLetters: stages.deadLetters }] as const,
  ].flatMap(([id, type, data]) => {
    const box = boxes.get(id);
    return box
      ? [{ id, type, data, ...placed(box), sourcePosition: Position.Right, targetPosition: Position.Left }]
      : [];
  });
}

function edgesOf({ chain, deadLetters }: Stages): Edge[] {
  const most = Math.max(...chain.map(({ rate }) => rate ?? 0), 1);
  const edges: Edge[] = chain.slice(0, -1).map((stage, index) => {
    const target = chain[index + 1]?.id ?? "";
    const known = stage.rate !== null && stage.health !== "stale";
    return {
      id: `${stage.id}-${target}`,
      source: stage.id,
      sourceHandle: "out",
      target,
      type: "straight",
      className: known ? classes.flow : classes.unknown,
      style: { strokeWidth: known ? thickness(stage.rate ?? 0, most) : THINNEST },
    };
  });
  if (deadLetters.total === 0) return edges;
  const style = { strokeWidth: Math.max(THINNEST, thickness(deadLetters.rate ?? 0, most) / 2) };
  const refused = { id: DEAD, source: "bronze", sourceHandle: "down", target: DEAD, type: "smoothstep", style };
  return [...edges, { ...refused, className: classes.refused }];
}

/** The area of the pipe goes with the rate, as with a real one. */
function thickness(rate: number, most: number): number {
  return rate <= 0 ? THINNEST : THINNEST + (THICKEST - THINNEST) * Math.sqrt(rate / most);
}

function spoken({ chain, deadLetters }: Stages): string {
  const cards = chain.map(
    ({ name, word, facts }) => `${name} ${word}, ${facts.map(({ label, value }) => `${label} ${value}`).join(", ")}`,
  );
  return `Pipeline: ${cards.join("; ")}; dead letters ${deadLetters.total}. The list view has the same.`;
}
