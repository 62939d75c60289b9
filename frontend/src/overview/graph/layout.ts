import { Graph, layout, type GraphLabel } from "@dagrejs/dagre";

import type { Stages } from "../stages";

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

const GAP = 22;
const NODE_HEIGHT = 142;
const DEAD_HEIGHT = 40;
export const DEAD = "dead-letters";

/** Where each card stands in `width` pixels: the chain in one line, dead letters below the stage that refuses them. */
export function boxesOf({ chain, deadLetters }: Stages, width: number): Map<string, Box> {
  const card = Math.floor((width - GAP * (chain.length - 1)) / chain.length);
  const graph = new Graph<GraphLabel, Box, object>();
  graph.setGraph({ rankdir: "LR", ranksep: GAP, marginx: 0, marginy: 0 });
  graph.setDefaultEdgeLabel(() => ({}));
  chain.forEach(({ id }) => graph.setNode(id, { x: 0, y: 0, width: card, height: NODE_HEIGHT }));
  chain.slice(1).forEach(({ id }, index) => graph.setEdge(chain[index]?.id ?? "", id));
  if (deadLetters.total > 0) {
    graph.setNode(DEAD, { x: 0, y: 0, width: card, height: DEAD_HEIGHT });
    graph.setEdge("bronze", DEAD);
  }
  layout(graph);
  // dagre decides who follows whom; the chain stays on one line and what is refused leaves it downwards.
  return new Map(
    graph.nodes().map((id) => {
      const { x, width: own, height } = graph.node(id);
      return [id, { x: x - own / 2, y: id === DEAD ? NODE_HEIGHT + GAP : 0, width: own, height }];
    }),
  );
}
