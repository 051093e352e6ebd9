import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/simulate.ts"],
  format: "esm",
  target: "node20",
  clean: true,
});
