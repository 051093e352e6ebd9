import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";
import type { Mutation } from "./mutations.js";

const PACKAGES = fileURLToPath(new URL("../../..", import.meta.url));
const ENTRY = fileURLToPath(new URL("worker.ts", import.meta.url));

/** The simulator and the library from their sources in one file. */
export interface Bundle extends AsyncDisposable {
  readonly path: string;
}

/** With `mutation` made in the library's sources; fails where the text it replaces is not there, or there twice. */
export async function bundle(mutation?: Mutation): Promise<Bundle> {
  const folder = await mkdtemp(join(tmpdir(), "etcdkit-simulator-"));
  const path = join(folder, "worker.mjs");
  const made = new Set<unknown>();
  try {
    await build({
      entryPoints: [ENTRY],
      outfile: path,
      bundle: true,
      platform: "node",
      format: "esm",
      target: "node20",
      conditions: ["@etcdkit/source"],
      logLevel: "silent",
      plugins: [withoutEtcd3(), mutating(mutation, made)],
    });
    const left = mutation?.edits.filter((edit) => !made.has(edit)) ?? [];
    if (left[0]) throw new Error(`${mutation?.name}: ${left[0].file} is not in the bundle`);
  } catch (error) {
    await rm(folder, { recursive: true });
    throw error;
  }
  return { path, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) };
}

/** Members are simulated: the port on the etcd3 package, and with it etcd3 and gRPC, is never called. */
function withoutEtcd3(): Plugin {
  const contents = [
    "const none = () => { throw new Error('no real etcd in the simulator'); };",
    "export { none as openMember, none as optionsOf, none as userClient };",
  ].join("\n");
  return {
    name: "without etcd3",
    setup: ({ onLoad }) => {
      onLoad({ filter: /core[\\/]src[\\/]etcd3\.ts$/ }, () => ({ contents }));
    },
  };
}

function mutating(mutation: Mutation | undefined, made: Set<unknown>): Plugin {
  return {
    name: "mutation",
    setup: ({ onLoad }) => {
      if (!mutation) return;
      onLoad({ filter: /[\\/]src[\\/].*\.ts$/ }, async ({ path }) => {
        const file = relative(PACKAGES, path).split(sep).join("/");
        const edits = mutation.edits.filter((edit) => edit.file === file);
        if (edits.length === 0) return undefined;
        let contents = await readFile(path, "utf8");
        for (const edit of edits) {
          const times = contents.split(edit.find).length - 1;
          if (times !== 1) {
            throw new Error(`${mutation.name}: found ${times} times in ${file}: ${edit.find}`);
          }
          contents = contents.replace(edit.find, () => edit.replace);
          made.add(edit);
        }
        return { contents, loader: "ts" as const };
      });
    },
  };
}
