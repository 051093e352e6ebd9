import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import ts from "typescript";
import { onTestFinished } from "vitest";
import { type SourceProcess, startSource } from "./source.js";

/** The TypeScript samples of a page, in order. */
export function samplesIn(page: string): string[] {
  const text = readFileSync(page, "utf8");
  return [...text.matchAll(/^```ts\n(.*?)^```/gms)].map(([, sample = ""]) => sample);
}

/** As a file below `folder`, so that it imports what the package of that folder may; gone when the test ends. */
function place(folder: string, sample: string): string {
  const own = mkdtempSync(join(folder, ".sample-"));
  onTestFinished(() => rmSync(own, { recursive: true }));
  const file = join(own, "sample.ts");
  writeFileSync(file, sample);
  return file;
}

const root = join(import.meta.dirname, "../../..");

/** What TypeScript, as strict as here, complains about in `samples`. What they import and do not use is a complaint too. */
export function typeProblems(folder: string, ...samples: string[]): unknown[] {
  const files = samples.map((sample) => place(folder, sample));
  const { config } = ts.readConfigFile(join(root, "tsconfig.base.json"), ts.sys.readFile);
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root);
  const program = ts.createProgram(files, { ...options, noUnusedLocals: true });
  const unread = files.filter((file) => !program.getSourceFile(file)?.statements.length);
  const problems = ts.getPreEmitDiagnostics(program).map(({ messageText }) => messageText);
  return [...unread.map((file) => `${file} says nothing`), ...problems];
}

/** Starts a sample as a program; killed when the test ends. */
export function startSample(folder: string, sample: string): SourceProcess {
  return startSource(place(folder, sample));
}
