import { defineConfig } from "vitest/config";

export default defineConfig({
  // tests read the sources of sibling packages, and the setup goes by its file, so that they need no build
  ssr: { resolve: { conditions: ["@etcdkit/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["../testing/src/setup.ts"],
    testTimeout: 30_000,
  },
});
