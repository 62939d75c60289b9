import "@testing-library/jest-dom/vitest";
import { configure } from "@testing-library/react";

// Of a machine that does much else at the same time; a wait ends with what it waits for.
configure({ asyncUtilTimeout: 20_000 });
