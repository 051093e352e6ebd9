import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { createServer, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from "vitest";
import { eventually, findEtcd, findEtcdctl } from "../src/index.js";
import { freePort } from "../src/ports.js";

// no release has this number, so that nothing but these tests' own server can have it
const VERSION = "9.9.9";
const run = promisify(execFile);

let folder: string;
let mirror: Server;
let served: Map<string, Buffer>;
let asked: string[];
/** How the mirror sends an archive. */
let send: (body: Buffer, response: ServerResponse) => void;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "find-"));
  served = new Map();
  asked = [];
  send = (body, response) => response.end(body);
  mirror = createServer((request, response) => {
    asked.push(request.url ?? "");
    const body = served.get(request.url ?? "");
    if (!body) return response.writeHead(404).end();
    response.writeHead(200, { "content-length": body.length });
    return request.url?.endsWith("SHA256SUMS") ? response.end(body) : send(body, response);
  });
  await new Promise<void>((resolve) => mirror.listen(0, "127.0.0.1", resolve));
  const address = mirror.address();
  if (!address || typeof address === "string") throw new Error("no port");
  vi.stubEnv("ETCDKIT_CACHE", join(folder, "cache"));
  vi.stubEnv("ETCD_DOWNLOAD_BASE", `http://127.0.0.1:${address.port}/etcd/`);
  vi.stubEnv("ETCD_VERSION", VERSION);
  vi.stubEnv("ETCD_BIN", "");
  // this machine may have an etcd of its own
  vi.stubEnv("PATH", "/usr/bin:/bin");
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  mirror.closeAllConnections();
  mirror.close();
  await rm(folder, { recursive: true });
});

/** Puts programs into a folder that say they are an etcd of that version. */
async function fakeBinaries(place: string, version: string): Promise<void> {
  await mkdir(place, { recursive: true });
  for (const name of ["etcd", "etcdctl"]) {
    const text = `#!/bin/sh\necho "etcd Version: ${version}"\n`;
    await writeFile(join(place, name), text, { mode: 0o755 });
  }
}

/** Has the mirror serve a release as etcd's own site does. */
async function publish(sum?: string): Promise<void> {
  const arch = process.arch === "arm64" ? "arm64" : "amd64";
  const stem = `etcd-v${VERSION}-${process.platform}-${arch}`;
  const name = `${stem}.${process.platform === "darwin" ? "zip" : "tar.gz"}`;
  await fakeBinaries(join(folder, stem), VERSION);
  await run("tar", ["-caf", join(folder, name), "-C", folder, stem]);
  const archive = await readFile(join(folder, name));
  const right = createHash("sha256").update(archive).digest("hex");
  const other = `${"0".repeat(64)}  etcd-v${VERSION}-plan9-amd64.tar.gz`;
  served.set(`/etcd/v${VERSION}/${name}`, archive);
  served.set(`/etcd/v${VERSION}/SHA256SUMS`, Buffer.from(`${other}\n${sum ?? right}  ${name}\n`));
}

const cacheContent = () => readdir(join(folder, "cache")).catch(() => []);

test("the release is fetched once, and taken from the cache from then on", async () => {
  await publish();
  const { etcd, etcdctl, version } = await findEtcd();
  expect(version).toBe(VERSION);
  expect(etcd.startsWith(join(folder, "cache"))).toBe(true);
  expect(etcdctl).toBe(`${etcd}ctl`);
  expect(process.stderr.write).toHaveBeenCalledWith(expect.stringContaining("etcdkit: fetching"));
  expect(asked).toHaveLength(2);
  expect((await findEtcd()).etcd).toBe(etcd);
  expect(await findEtcdctl()).toBe(etcdctl);
  expect(asked).toHaveLength(2);
});

test("progress is shown by quarters", async () => {
  await publish();
  const shown = () =>
    vi.mocked(process.stderr.write).mock.calls.flatMap(([text]) => `${text}`.match(/\d+ %/) ?? []);
  // a piece when the one before was told of, or the network may bring several as one
  send = async (body, response) => {
    const end = (quarter: number) => Math.ceil((body.length * quarter) / 4);
    for (const quarter of [1, 2, 3, 4]) {
      response.write(body.subarray(end(quarter - 1), end(quarter)));
      await eventually(() => shown().length === quarter).catch(() => response.destroy());
    }
    response.end();
  };
  await findEtcd();
  expect(shown()).toEqual(["25 %", "50 %", "75 %", "100 %"]);
});

test("an archive with another sum than the published one is refused, and not kept", async () => {
  await publish("f".repeat(64));
  await expect(findEtcd()).rejects.toMatchObject({ code: "bad-checksum" });
  await expect(findEtcd()).rejects.toThrow(/has the SHA-256 [0-9a-f]{64}, and f{64} was published/);
  expect(await cacheContent()).toEqual([]);
});

test("several who fetch at the same time do not break each other", async () => {
  await publish();
  const found = await Promise.all(Array.from({ length: 5 }, () => findEtcd()));
  expect(new Set(found.map(({ etcd }) => etcd)).size).toBe(1);
  expect(await cacheContent()).toEqual([`etcd-${VERSION}-${process.platform}-${process.arch}`]);
});

test("what is in the cache but does not run is replaced", async () => {
  await publish();
  const entry = join(folder, "cache", `etcd-${VERSION}-${process.platform}-${process.arch}`);
  await mkdir(entry, { recursive: true });
  await writeFile(join(entry, "etcd"), "of another machine", { mode: 0o755 });
  expect((await findEtcd()).etcd).toBe(join(entry, "etcd"));
});

test("nothing works: the error names every way, and what each said", async () => {
  vi.stubEnv("ETCD_DOWNLOAD_BASE", `http://127.0.0.1:${await freePort()}`);
  const find = findEtcd();
  await expect(find).rejects.toMatchObject({ code: "not-found" });
  const { message } = (await find.catch((error: unknown) => error)) as Error;
  expect(message).toContain(`no etcd ${VERSION} could be found or fetched`);
  expect(message).toContain("- etcd on PATH: none there");
  expect(message).toContain(`- ${VERSION} in the cache ${join(folder, "cache")}: none there`);
  expect(message).toMatch(/- the official release .*\/SHA256SUMS: .*ECONNREFUSED/);
  expect(message).toMatch(/- Debian's package of 9\.9\.9: .+/);
  for (const way of ["ETCD_BIN=", "ETCD_ENDPOINTS=", "ETCD_DOWNLOAD_BASE"]) {
    expect(message).toContain(way);
  }
  expect(await cacheContent()).toEqual([]);
});

test("where no version is asked for, the newest one tested is fetched", async () => {
  vi.stubEnv("ETCD_VERSION", "");
  // the mirror has nothing, and neither has this system's apt
  vi.stubEnv("PATH", join(folder, "no-programs"));
  const { message } = (await findEtcd().catch((error: unknown) => error)) as Error;
  expect(asked[0]).toBe("/etcd/v3.5.30/SHA256SUMS");
  expect(message).toContain("no etcd could be found or fetched");
  for (const way of [
    "etcd on PATH: none there",
    `3.5.30 in the cache ${join(folder, "cache")}: none there`,
    "the distribution's own, in the cache: none there",
    "the official release of 3.5.30: ",
    "Debian's package of 3.5.30: ",
    "the distribution's own package: ",
  ]) {
    expect(message).toContain(`\n  - ${way}`);
  }
});

test("a mirror without that release: the error says what it answered", async () => {
  await expect(findEtcd()).rejects.toThrow(/v9\.9\.9\/SHA256SUMS: 404/);
});

test("a release without an archive for this system is told as such", async () => {
  served.set(`/etcd/v${VERSION}/SHA256SUMS`, Buffer.from("0000  something-else.tar.gz\n"));
  await expect(findEtcd()).rejects.toThrow(/has no line for etcd-v9\.9\.9-/);
});

test("ETCD_BIN comes before all, unless a version is asked for in the code", async () => {
  await publish();
  await fakeBinaries(join(folder, "mine"), "8.8.8");
  vi.stubEnv("ETCD_VERSION", "v8.8.8");
  vi.stubEnv("ETCD_BIN", join(folder, "mine", "etcd"));
  expect(await findEtcd()).toMatchObject({ version: "8.8.8", etcd: join(folder, "mine", "etcd") });
  expect((await findEtcd({ version: VERSION })).version).toBe(VERSION);
  vi.stubEnv("ETCD_BIN", join(folder, "nothing"));
  await expect(findEtcd()).rejects.toThrow(/ETCD_BIN=.*nothing cannot be run.*ENOENT/);
});

test("ETCD_BIN of another version than ETCD_VERSION asks for is refused, and told as such", async () => {
  await publish();
  await fakeBinaries(join(folder, "mine"), "8.8.8");
  const bin = join(folder, "mine", "etcd");
  vi.stubEnv("ETCD_BIN", bin);
  const find = findEtcd();
  await expect(find).rejects.toMatchObject({ code: "not-found" });
  await expect(find).rejects.toThrow(`ETCD_BIN=${bin} is etcd 8.8.8, and ETCD_VERSION asks for`);
  expect(asked).toEqual([]);
  vi.stubEnv("ETCD_VERSION", "");
  expect((await findEtcd()).etcd).toBe(bin);
});

test("etcd on PATH is used, if it is of the version asked for", async () => {
  await publish();
  await fakeBinaries(join(folder, "real"), "8.8.8");
  await mkdir(join(folder, "bin"));
  await symlink(join(folder, "real", "etcd"), join(folder, "bin", "etcd"));
  vi.stubEnv("PATH", `${join(folder, "bin")}:/usr/bin:/bin`);
  expect((await findEtcd()).version).toBe(VERSION);
  expect((await findEtcd({ version: "8.8.8" })).etcd).toBe(join(folder, "bin", "etcd"));
  vi.stubEnv("ETCD_VERSION", "");
  expect((await findEtcd()).etcd).toBe(join(folder, "bin", "etcd"));
});

test("of two that both fit, the one on PATH comes before the cache, and ETCD_BIN before both", async () => {
  await fakeBinaries(join(folder, "mine"), VERSION);
  await fakeBinaries(join(folder, "bin"), VERSION);
  const entry = join(folder, "cache", `etcd-${VERSION}-${process.platform}-${process.arch}`);
  await fakeBinaries(entry, VERSION);
  expect((await findEtcd()).etcd).toBe(join(entry, "etcd"));
  vi.stubEnv("PATH", `${join(folder, "bin")}:/usr/bin:/bin`);
  expect((await findEtcd()).etcd).toBe(join(folder, "bin", "etcd"));
  vi.stubEnv("ETCD_BIN", join(folder, "mine", "etcd"));
  expect((await findEtcd()).etcd).toBe(join(folder, "mine", "etcd"));
  expect(asked).toEqual([]);
});

test("an etcd too old to start is passed over for the next way", async () => {
  await fakeBinaries(join(folder, "bin"), "3.3.25");
  vi.stubEnv("ETCD_VERSION", "");
  vi.stubEnv("PATH", join(folder, "bin"));
  const tooOld = "3.3.25; 3.4 or later is needed";
  await expect(findEtcd()).rejects.toThrow(`- etcd on PATH: it is ${tooOld}\n`);
  await expect(findEtcd({ version: "3.3.25" })).rejects.toThrow(
    `- etcd on PATH: it is ${tooOld}\n`,
  );

  const entry = join(folder, "cache", `etcd-3.5.30-${process.platform}-${process.arch}`);
  await fakeBinaries(entry, "3.5.30");
  vi.stubEnv("PATH", `${join(folder, "bin")}:/usr/bin:/bin`);
  expect((await findEtcd()).etcd).toBe(join(entry, "etcd"));

  const bin = join(folder, "bin", "etcd");
  vi.stubEnv("ETCD_BIN", bin);
  await expect(findEtcd()).rejects.toThrow(`ETCD_BIN=${bin} is etcd ${tooOld}`);
});

test("on arm64 an etcd is asked for its version as it is started: 3.4 refuses to run there else", async () => {
  const real = Object.getOwnPropertyDescriptor(process, "arch") ?? {};
  onTestFinished(() => void Object.defineProperty(process, "arch", real));
  Object.defineProperty(process, "arch", { ...real, value: "arm64" });
  const bin = join(folder, "etcd");
  const lines = [
    "#!/bin/sh",
    '[ "$ETCD_UNSUPPORTED_ARCH" = arm64 ] || exit 1',
    `echo "etcd Version: ${VERSION}"`,
  ];
  await writeFile(bin, lines.join("\n"), { mode: 0o755 });
  vi.stubEnv("ETCD_BIN", bin);
  expect((await findEtcd()).version).toBe(VERSION);
});
