import { gzipSync } from "node:zlib";

import type { Plugin } from "vite";

/** Fails the build when what a browser loads before it can draw the first page is above the budget. */
export function budget(kilobytes: number): Plugin {
  return {
    name: "penstock-budget",
    apply: "build",
    generateBundle(_, bundle) {
      const first = new Map<string, number>();
      const follow = (name: string) => {
        const chunk = bundle[name];
        if (chunk?.type !== "chunk" || first.has(name)) return;
        first.set(name, gzipSync(chunk.code).length / 1000);
        chunk.imports.forEach(follow);
      };
      for (const chunk of Object.values(bundle)) if (chunk.type === "chunk" && chunk.isEntry) follow(chunk.fileName);
      const total = [...first.values()].reduce((sum, size) => sum + size, 0);
      const line = `first JavaScript load: ${total.toFixed(1)} of ${kilobytes} kB gzipped`;
      if (total === 0 || total > kilobytes) this.error(line);
      this.info(line);
    },
  };
}
