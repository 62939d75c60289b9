import { defineConfig } from "@hey-api/openapi-ts";

// The schema is the only source of types, calls and enums; the output is made by `npm run generate` and never committed.
export default defineConfig({
  input: "./openapi.json",
  output: { path: "./src/api/generated" },
  plugins: [
    { name: "@hey-api/typescript", enums: "javascript" },
    "@hey-api/sdk",
    { name: "@hey-api/client-fetch", throwOnError: true },
  ],
});
