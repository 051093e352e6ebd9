import { defineConfig } from "vitest/config";

export default defineConfig({
  // tests read the sources of sibling packages, so that they need no build
  ssr: { resolve: { conditions: ["@etcdkit/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["@etcdkit/testing/setup"],
    testTimeout: 30_000,
  },
});
