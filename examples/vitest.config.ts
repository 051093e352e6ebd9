import { defineConfig } from "vitest/config";

export default defineConfig({
  // tests read the sources of the packages, so that they need no build
  ssr: { resolve: { conditions: ["@etcdkit/source"] } },
  test: {
    name: "examples",
    include: ["{test,demo/test}/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 180_000,
  },
});
