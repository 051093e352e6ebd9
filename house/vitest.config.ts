import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    name: "house",
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
    // after all others: npm and tsc would take the cores from tests that measure time
    sequence: { groupOrder: 1 },
  },
});
