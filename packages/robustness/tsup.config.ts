import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/simulate.ts", "src/robustness.ts", "src/traffic/client-process.ts"],
  format: "esm",
  target: "node20",
  clean: true,
});
