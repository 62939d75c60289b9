/** A place of the page, by its id, and what it is called. */
export interface Place {
  id: string;
  label: string;
}

export const PLACES = {
  pipeline: { id: "pipeline", label: "Pipeline" },
  control: { id: "control", label: "Control" },
  simulator: { id: "simulator", label: "Simulator" },
  lag: { id: "lag", label: "Lag" },
  accounts: { id: "accounts", label: "Accounts" },
  commits: { id: "commits", label: "Commits" },
  deadLetters: { id: "dead-letters", label: "Dead letters" },
} as const satisfies Record<string, Place>;

const MENDED: [RegExp, Place][] = [
  [/^(driver|stream)_/, PLACES.control],
  [/^simulator_/, PLACES.simulator],
  [/lag|ends_/, PLACES.lag],
  [/balanced/, PLACES.accounts],
  [/load|warehouse/, PLACES.commits],
  [/dead_letter/, PLACES.deadLetters],
];

/** Where something is mended, or looked into; of a rule that this page does not know, where everything begins. */
export function mendedAt(code: string): Place {
  return MENDED.find(([rule]) => rule.test(code))?.[1] ?? PLACES.pipeline;
}
