// Usage: count-tests.mjs CHECKS_FAILED REPORT=EXIT_CODE...
// Adds up vitest's JSON reports and prints `N passed, N failed[, N skipped]` as one line. What failed without a failed
// test counts as one: another check, a file that does not load, a run that ended badly (an unhandled rejection, say).
// Exits with 1 if anything failed or nothing ran.
import { readFileSync } from "node:fs";

const [checksFailed = "0", ...runs] = process.argv.slice(2);
let passed = 0;
let failed = Number(checksFailed);
let skipped = 0;
for (const run of runs) {
  const [path = "", exitCode] = run.split("=");
  let report;
  try {
    report = JSON.parse(readFileSync(path, "utf8"));
  } catch (error) {
    process.stderr.write(`no report of a test run: ${error.message}\n`);
    failed += 1;
    continue;
  }
  const broken = report.testResults.filter(
    ({ status, assertionResults }) =>
      status === "failed" && !assertionResults.some((one) => one.status === "failed"),
  ).length;
  const failures = report.numFailedTests + broken;
  passed += report.numPassedTests;
  failed += failures === 0 && exitCode !== "0" ? 1 : failures;
  skipped += report.numPendingTests + report.numTodoTests;
}
process.stdout.write(
  `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}\n`,
);
process.exitCode = failed > 0 || passed === 0 ? 1 : 0;
