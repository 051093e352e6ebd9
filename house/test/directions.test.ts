import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeEach, describe, expect, test } from "vitest";
import { members, packages, root } from "../packages.js";

// A rule is worth what it refuses: each test plants one violation in a copy of the workspace that has
// the real configuration and empty sources, and expects the tool to name it.

const copy = mkdtempSync(join(tmpdir(), "etcdkit-house-"));
afterAll(() => rmSync(copy, { recursive: true, force: true }));

function plant(files: Record<string, string | object>): void {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    writeFileSync(
      join(copy, path),
      typeof content === "string" ? content : JSON.stringify(content, null, 2),
    );
  }
}

function plantPackage(name: string, tag: string, dependencies: string[]): void {
  plant({
    [`packages/${name}/package.json`]: {
      name: `@etcdkit/${name}`,
      version: "0.0.0",
      type: "module",
      dependencies: Object.fromEntries(dependencies.map((on) => [on, "workspace:^"])),
    },
    [`packages/${name}/turbo.json`]: { extends: ["//"], tags: [tag] },
    [`packages/${name}/src/index.ts`]: dependencies.map((on) => `import "${on}";\n`).join(""),
  });
}

beforeEach(() => {
  rmSync(copy, { recursive: true, force: true });
  mkdirSync(copy, { recursive: true });
  const shared = ["package.json", "pnpm-workspace.yaml", "pnpm-lock.yaml", "turbo.json"];
  for (const path of [...shared, "biome.json", ".gitignore", "house/etcd3-in-one-file.grit"]) {
    cpSync(join(root, path), join(copy, path), { recursive: true });
  }
  for (const { folder } of packages) {
    for (const file of ["package.json", "turbo.json"]) {
      cpSync(join(root, folder, file), join(copy, folder, file), { recursive: true });
    }
    plant({ [`${folder}/src/index.ts`]: "export const nothing = undefined;\n" });
  }
});

function run(tool: string, ...args: string[]): { passed: boolean; output: string } {
  const { status, stdout, stderr } = spawnSync(join(root, "node_modules/.bin", tool), args, {
    cwd: copy,
    encoding: "utf8",
    env: { ...process.env, TURBO_TELEMETRY_DISABLED: "1", NO_COLOR: "1" },
  });
  return { passed: status === 0, output: stdout + stderr };
}
const boundaries = (folder = copy) => run("turbo", "--cwd", folder, "--skip-infer", "boundaries");
const lint = () => run("biome", "lint", "--error-on-warnings", "packages");

function tagsOf(folder: string): string[] {
  return JSON.parse(readFileSync(join(root, folder, "turbo.json"), "utf8")).tags;
}

test("every member of the workspace says what it is by one of the tags that have rules", () => {
  const rules = JSON.parse(readFileSync(join(root, "turbo.json"), "utf8")).boundaries.tags;
  for (const { folder } of members) {
    const tags = tagsOf(folder);
    expect(tags, folder).toHaveLength(1);
    expect(Object.keys(rules), folder).toContain(tags[0]);
  }
});

describe("turbo boundaries", () => {
  test("passes where nothing is planted", () => {
    expect(boundaries()).toMatchObject({ passed: true });
  });

  test("passes on the workspace itself", () => {
    const { passed, output } = boundaries(root);
    expect(passed, output).toBe(true);
  });

  test.each([
    { from: "core", tag: "core", to: "session" },
    { from: "session", tag: "session", to: "mutex" },
    { from: "testing", tag: "testing", to: "core" },
    { from: "rwmutex", tag: "primitive", to: "bench" },
  ])("refuses $from depending on $to", ({ from, tag, to }) => {
    plantPackage("bench", "top", []);
    plantPackage(from, tag, [`@etcdkit/${to}`]);
    const { passed, output } = boundaries();
    expect(passed).toBe(false);
    expect(output).toMatch(/tag .*(allowlist|denylist)/);
  });

  test("refuses every primitive depending on every other one", () => {
    const primitives = packages.filter(({ folder }) => tagsOf(folder).includes("primitive"));
    const names = primitives.map(({ manifest }) => manifest.name);
    expect(names).toHaveLength(5);
    const others = (name: string) => names.filter((other) => other !== name);
    for (const { folder, manifest } of primitives) {
      plantPackage(folder.replace("packages/", ""), "primitive", others(manifest.name));
    }
    // in one line again what the tool has wrapped to the width of a terminal
    const output = boundaries().output.replace(/\s+\|?\s*/g, " ");
    for (const from of names) {
      for (const to of others(from)) {
        expect(output).toContain(
          `Package \`${to}\` found without any tag listed in allowlist for \`${from}\``,
        );
      }
    }
  });

  test("lets what stands on top depend on all libraries", () => {
    plantPackage("bench", "top", ["@etcdkit/mutex", "@etcdkit/core", "@etcdkit/testing"]);
    expect(boundaries()).toMatchObject({ passed: true });
  });

  test("refuses an import that the manifest does not name", () => {
    plant({ "packages/session/src/index.ts": 'import "@etcdkit/mutex";\n' });
    const { passed, output } = boundaries();
    expect(passed).toBe(false);
    expect(output).toContain("`@etcdkit/mutex` because it is not a dependency");
  });

  test("refuses a relative path into another package", () => {
    plant({ "packages/session/src/index.ts": 'import "../../core/src/index.js";\n' });
    const { passed, output } = boundaries();
    expect(passed).toBe(false);
    expect(output).toContain("leaves the package");
  });
});

describe("biome", () => {
  test("passes where nothing is planted", () => {
    expect(lint()).toMatchObject({ passed: true });
  });

  test("refuses an import cycle", () => {
    plant({
      "packages/core/src/lease.ts":
        'import { watch } from "./watch.js";\nexport const lease = () => watch;\n',
      "packages/core/src/watch.ts":
        'import { lease } from "./lease.js";\nexport const watch = () => lease;\n',
    });
    const { passed, output } = lint();
    expect(passed).toBe(false);
    expect(output).toContain("noImportCycles");
  });

  test.each([
    'import { Etcd3 } from "etcd3";\nexport const client = new Etcd3();\n',
    'import { type Etcd3 } from "etcd3";\nexport type Client = Etcd3;\n',
    'import "etcd3";\n',
    'export { Etcd3 } from "etcd3";\n',
    'export * from "etcd3";\n',
    'export const load = () => import("etcd3");\n',
    'import { Host } from "etcd3/lib/host.js";\nexport const host = Host;\n',
  ])("refuses etcd3 at run time in a second file: %j", (source) => {
    plant({ "packages/core/src/line.ts": source });
    const { passed, output } = lint();
    expect(passed).toBe(false);
    expect(output).toContain("packages/core/src/etcd3.ts alone");
  });

  test("allows etcd3 in its one file, and its types elsewhere", () => {
    plant({
      "packages/core/src/etcd3.ts":
        'import { Etcd3 } from "etcd3";\nexport const client = new Etcd3();\n',
      "packages/core/src/line.ts":
        'import type { Etcd3 } from "etcd3";\nexport type Client = Etcd3;\n',
    });
    expect(lint()).toMatchObject({ passed: true });
  });

  test.each([
    { rule: "noRestrictedImports", source: 'import "@etcdkit/testing";\n' },
    { rule: "noConsole", source: 'console.log("held");\n' },
    { rule: "noExplicitAny", source: "export const key: any = 1;\n" },
    { rule: "noFloatingPromises", source: "async function f() {}\nf();\n" },
  ])("refuses in a library's sources what $rule forbids", ({ rule, source }) => {
    plant({ "packages/mutex/src/mutex.ts": source });
    const { passed, output } = lint();
    expect(passed).toBe(false);
    expect(output).toContain(rule);
  });
});
