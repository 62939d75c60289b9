import { useSyncExternalStore } from "react";

let opened = false;
const listeners = new Set<() => void>();

function set(value: boolean): void {
  opened = value;
  listeners.forEach((listener) => listener());
}

/** The list of keys can be asked for from anywhere: a key, the account menu, the palette. */
export const keysHelp = {
  open: () => set(true),
  close: () => set(false),
};

export function useKeysHelp(): boolean {
  return useSyncExternalStore(
    (listener) => {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    () => opened,
  );
}
