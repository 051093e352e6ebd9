import { execFile } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Manifest, packages, root } from "../packages.js";

// What a user gets: the tarballs, installed by npm in an empty folder, with nothing of the workspace in reach.

const published = packages.filter((one) => one.published);
const entries = published.flatMap(({ manifest }) =>
  Object.keys(manifest.exports).map((path) => manifest.name + path.slice(1)),
);

const folder = mkdtempSync(join(tmpdir(), "etcdkit-packed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function run(command: string, args: string[], cwd = folder): Promise<string> {
  // what pnpm and vitest set for this process is not the user's; npm's own settings (npm_config_*) are, but for who runs
  const env = Object.fromEntries(
    Object.entries(process.env).filter(
      ([name]) =>
        !/^(VITEST|NODE_(ENV|OPTIONS|PATH)$|npm_(?!config_)|npm_config_user_agent$)/i.test(name),
    ),
  );
  try {
    const { stdout, stderr } = await promisify(execFile)(command, args, { cwd, env });
    return stdout + stderr;
  } catch (error) {
    const { stdout, stderr } = error as { stdout?: string; stderr?: string };
    throw new Error(`${command} ${args.join(" ")}\n${stdout ?? ""}${stderr ?? ""}`, {
      cause: error,
    });
  }
}

/** The names an entry point exports, as another process prints them, and nothing but them. */
async function names(file: string, source: string): Promise<string[]> {
  writeFileSync(join(folder, file), source);
  return JSON.parse(await run(process.execPath, [file])).sort();
}

beforeAll(async () => {
  mkdirSync(join(folder, "tarballs"));
  for (const one of published) {
    const to = join(folder, "tarballs");
    await run("npx", ["-y", "pnpm@10", "pack", "--pack-destination", to], join(root, one.folder));
  }
  const types = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).devDependencies;
  writeFileSync(
    join(folder, "package.json"),
    JSON.stringify({
      private: true,
      type: "module",
      dependencies: Object.fromEntries([
        ...published.map(({ manifest }) => [manifest.name, `file:tarballs/${tarball(manifest)}`]),
        ["@types/node", types["@types/node"]],
        ["vitest", types.vitest],
        ["typescript-5.2", "npm:typescript@~5.2.2"],
      ]),
    }),
  );
  await run("npm", ["install", "--ignore-scripts", "--no-audit", "--no-fund"]);
});

function tarball({ name }: Manifest): string {
  const start = `${name.slice(1).replace("/", "-")}-`;
  const file = readdirSync(join(folder, "tarballs")).find((one) => one.startsWith(start));
  if (!file) throw new Error(`${name} was not packed`);
  return file;
}

describe.each(published)("$manifest.name", ({ manifest: { name } }) => {
  const at = join(folder, "node_modules", name);

  test("carries its build, its licence and nothing of the workspace", () => {
    const files = readdirSync(at, { recursive: true, encoding: "utf8" });
    expect(files).toContain("LICENSE");
    expect(
      files.filter((file) => /^(src|test|node_modules)\b|\.test\.|tsconfig/.test(file)),
    ).toEqual([]);
    const manifest = readFileSync(join(at, "package.json"), "utf8");
    expect(manifest).not.toContain("workspace:");
    expect(manifest).not.toContain("@etcdkit/source");
    const { exports } = JSON.parse(manifest) as Manifest;
    const targets = Object.values(exports).flatMap((conditions) => Object.values(conditions));
    for (const target of targets) expect(files).toContain(target.replace("./", ""));
  });
});

test.each(published)(
  "$manifest.name is not packed by npm, which would leave all of the workspace in its manifest",
  async (one) => {
    const npm = run("npm", ["pack", "--dry-run"], join(root, one.folder));
    await expect(npm).rejects.toThrow("only pnpm packs this");
  },
);

describe.each(entries)("%s", (entry) => {
  test("gives the same names to import and to require()", async () => {
    const print = "console.log(JSON.stringify(Object.keys(entry)));";
    const imported = await names("import.mjs", `import * as entry from "${entry}";\n${print}`);
    const required = await names("require.cjs", `const entry = require("${entry}");\n${print}`);
    expect(required.filter((name) => name !== "__esModule")).toEqual(imported);
  });
});

test("classes and functions go by the names that they are exported by, as errors and their stacks show them", async () => {
  const forUsers = entries.filter((entry) => !entry.endsWith("/internal"));
  const source = `const wrong = [];
for (const entry of ${JSON.stringify(forUsers)}) {
  for (const [name, value] of Object.entries(await import(entry))) {
    if (typeof value === "function" && name !== "default" && value.name !== name) wrong.push(entry + ": " + name + " is " + value.name);
  }
}
console.log(JSON.stringify(wrong));`;
  expect(await names("named.mjs", source)).toEqual([]);
});

describe("a lock on a real etcd", () => {
  const body = `
async function main() {
  const server = await startEtcd({ own: true });
  const etcd = connect({ hosts: server.endpoints });
  const session = await Session.open(etcd, { ttl: 10 });
  const lock = await new Mutex(session, "packed").lock();
  const held = [lock.held];
  await lock.release();
  held.push(lock.held);
  await session.close();
  await etcd.close();
  await server.stop();
  console.log(held.join());
}
main();
`;

  test.each([
    {
      how: "import",
      file: "run.mjs",
      start: `import { connect, Mutex, Session } from "@etcdkit/mutex";
import { startEtcd } from "@etcdkit/testing";`,
    },
    {
      how: "require()",
      file: "run.cjs",
      start: `const { connect, Mutex, Session } = require("@etcdkit/mutex");
const { startEtcd } = require("@etcdkit/testing");`,
    },
  ])("is taken and released by what $how gives", async ({ file, start }) => {
    writeFileSync(join(folder, file), start + body);
    // an etcd may have been fetched before
    expect(await run(process.execPath, [file])).toContain("true,false\n");
  });

  test("is taken and released where npm has installed another copy of grpc-js for etcd3", async () => {
    const copy = "node_modules/@grpc/grpc-js";
    cpSync(join(folder, copy), join(folder, "node_modules/etcd3", copy), { recursive: true });
    expect(await run(process.execPath, ["run.mjs"])).toContain("true,false\n");
  });
});

// a caller that passes on what it may not have been given has undefined, which these settings tell from absence
const options = `
import type { ConnectOptions, SessionOptions } from "@etcdkit/session";
import type { LockOptions } from "@etcdkit/mutex";
import type { RWLockOptions } from "@etcdkit/rwmutex";
import type { CampaignOptions, LeadOptions } from "@etcdkit/election";
import type { JoinOptions, SuspicionOptions, WatchOptions } from "@etcdkit/liveness";
import type { HoldOptions, WaitOptions } from "@etcdkit/barrier";
import type { StartClusterOptions, StartEtcdOptions } from "@etcdkit/testing";
import type { IOptions } from "etcd3";
type Optional<T> = { [K in keyof T as {} extends Pick<T, K> ? K : never]: undefined };
type Own = Omit<ConnectOptions, keyof IOptions>;
declare function take<T>(options: Optional<T> extends Partial<T> ? true : never): void;
take<Own>(true); take<SessionOptions>(true); take<LockOptions>(true); take<RWLockOptions>(true);
take<CampaignOptions>(true); take<LeadOptions>(true); take<JoinOptions>(true);
take<SuspicionOptions>(true); take<WatchOptions>(true); take<HoldOptions>(true);
take<WaitOptions>(true); take<StartClusterOptions>(true); take<StartEtcdOptions>(true);
`;

/** A module that imports, and passes on, each of these. */
function useOf(paths: readonly string[]): string {
  return paths
    .map((path, n) => `import * as entry${n} from "${path}";\nexport { entry${n} };\n`)
    .join("");
}

test("every entry point type-checks under nodenext and strict, from a module and from CommonJS", async () => {
  for (const file of ["use.mts", "use.cts"]) writeFileSync(join(folder, file), useOf(entries));
  writeFileSync(join(folder, "options.mts"), options);
  const compilerOptions = {
    module: "nodenext",
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    types: ["node"],
    strict: true,
    exactOptionalPropertyTypes: true,
    noEmit: true,
  };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["use.mts", "use.cts", "options.mts"] }),
  );
  await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", folder]);
});

test("modules type-check with TypeScript 5.2, for all that users import but the helpers for vitest", async () => {
  const forUsers = entries.filter((entry) => !entry.endsWith("/vitest"));
  writeFileSync(join(folder, "old.mts"), useOf(forUsers));
  const compiler = join(folder, "node_modules/typescript-5.2/bin/tsc");
  const settings = "--strict --noEmit --module nodenext --target es2022 --types node";
  await run(process.execPath, [compiler, ...settings.split(" "), "old.mts"]);
});
