import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { putToProof } from "./put-to-proof.js";
import { report } from "./report/report.js";
import { readOptions, usage } from "./robustness-options.js";

const options = readOptions(process.argv.slice(2));
if (!options) {
  print(usage);
} else {
  const { minutes, seed, clients, ttl } = options;
  const command = `pnpm robustness --minutes ${minutes} --seed ${seed} --clients ${clients} --ttl ${ttl}`;
  const stop = new AbortController();
  // the run is ended in order: what was started must not stay
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  print(`${command}\nthree members of etcd, ${clients} client processes`);
  const proof = await putToProof({
    seed,
    clients,
    ttl,
    seconds: minutes * 60,
    folder: join(tmpdir(), "etcdkit-robustness"),
    signal: stop.signal,
  });
  print(report(proof));
  if (stop.signal.aborted) {
    print("\nended early");
    process.exitCode = 1;
  }
  if (proof.violations.length > 0) {
    print(`\nthe histories are in ${proof.folder}; again: ${command}`);
    process.exitCode = 1;
  } else {
    await rm(proof.folder, { recursive: true });
  }
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}
