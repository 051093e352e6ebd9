import { defineConfig } from "tsup";

export default defineConfig({
  entry: ["src/main.ts", "src/child.ts"],
  format: "esm",
  target: "node20",
  clean: true,
});
