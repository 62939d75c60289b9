import type { Configuration } from "@/api/types";

export interface Change {
  name: string;
  before: string;
  after: string;
}

/** Setting by setting, what `after` has otherwise than `before`. */
export function changesOf(before: Configuration, after: Configuration): Change[] {
  const [old, next] = [new Map<string, number>(Object.entries(before)), new Map<string, number>(Object.entries(after))];
  return [...new Set([...old.keys(), ...next.keys()])]
    .filter((name) => old.get(name) !== next.get(name))
    .sort()
    .map((name) => ({ name, before: told(old.get(name)), after: told(next.get(name)) }));
}

function told(value: number | undefined): string {
  return value === undefined ? "default" : String(value);
}
