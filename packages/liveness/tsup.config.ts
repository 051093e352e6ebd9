import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/index.ts"],
  format: "esm",
  target: "node20",
  // tsup sets an option that TypeScript 6 calls deprecated
  dts: { compilerOptions: { ignoreDeprecations: "6.0" } },
  clean: true,
});
