import { fileURLToPath } from "node:url";

import react from "@vitejs/plugin-react";
import { defineConfig } from "vitest/config";

import { budget } from "./build/budget.ts";

const controlPlane = process.env.PENSTOCK_URL ?? "http://127.0.0.1:8000";

export default defineConfig({
  plugins: [react(), budget(250)],
  resolve: { alias: { "@": fileURLToPath(new URL("./src", import.meta.url)) } },
  build: {
    // One stylesheet: a style that arrives with a lazy chunk would move what is already drawn.
    cssCodeSplit: false,
    target: "es2022",
    // What counts is what a browser loads first, which the budget watches.
    chunkSizeWarningLimit: 1000,
  },
  server: {
    proxy: {
      "/api": controlPlane,
      "/quality": controlPlane,
      "/static": controlPlane,
      "/ws": { target: controlPlane, ws: true },
    },
  },
  test: {
    setupFiles: ["./src/testing/setup.ts"],
    css: false,
    restoreMocks: true,
    testTimeout: 60_000,
  },
});
