import { defineConfig } from "vitest/config";

export default defineConfig({
  // tests read the sources of sibling packages, so that they need no build
  ssr: { resolve: { conditions: ["@etcdkit/source"] } },
  test: {
    include: ["test/**/*.test.ts"],
    globalSetup: ["./src/setup.ts"],
    testTimeout: 30_000,
    hookTimeout: 30_000,
  },
});
