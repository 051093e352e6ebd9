import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    projects: ["packages/*", "house", "examples"],
    // the tests measure time against real servers: two at once leave each of them a core
    maxWorkers: 2,
    reporters: [
      "default",
      ["json", { outputFile: process.env.TEST_REPORT ?? "reports/tests.json" }],
    ],
  },
});
