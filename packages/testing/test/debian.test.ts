import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { aptSources } from "../src/apt-sources.js";
import { origin } from "../src/debian-origin.js";
import { unpackPackages } from "../src/debian-packages.js";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "debian-"));
  vi.spyOn(process.stderr, "write").mockReturnValue(true);
});

afterEach(async () => {
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

async function file(path: string, lines: string[]): Promise<void> {
  await mkdir(dirname(join(folder, path)), { recursive: true });
  await writeFile(join(folder, path), `${lines.join("\n")}\n`);
}

const NO_APT = "no apt-get on this system, and this way is only for those that have it";

const system = () => ({ osRelease: join(folder, "os-release"), apt: join(folder, "apt") });

const DEB822 = [
  "# the mirror next door",
  "Types: deb deb-src",
  "URIs: http://mirror.example/debian",
  "Suites: bookworm",
  " bookworm-updates",
  "Components: main",
  "Signed-By: /keys/debian.gpg",
  "",
  "Types: deb",
  "Enabled: no",
  "URIs: http://off.example",
  "Suites: bookworm",
  "Components: main",
];

test("sources are read in both of apt's formats", async () => {
  await file("apt/sources.list.d/debian.sources", DEB822);
  await file("apt/sources.list", [
    "# deb http://old.example/debian bookworm main",
    "deb [arch=amd64 signed-by=/keys/other.gpg] http://other.example/x stable main contrib # why",
    "deb-src http://other.example/x stable main",
    "deb http://plain.example/ubuntu noble main universe",
  ]);
  await file("apt/sources.list.d/ignored.disabled", ["deb http://no.example noble main"]);
  expect(await aptSources(join(folder, "apt"))).toEqual([
    {
      base: "http://other.example/x",
      suites: ["stable"],
      components: ["main", "contrib"],
      keyring: "/keys/other.gpg",
    },
    {
      base: "http://plain.example/ubuntu",
      suites: ["noble"],
      components: ["main", "universe"],
      keyring: undefined,
    },
    {
      base: "http://mirror.example/debian",
      suites: ["bookworm", "bookworm-updates"],
      components: ["main"],
      keyring: "/keys/debian.gpg",
    },
  ]);
});

test("Debian: its own suite by default, another for a version, from the mirror it uses", async () => {
  await file("os-release", ["ID=debian", 'VERSION_CODENAME="bookworm"']);
  await file("apt/sources.list.d/debian.sources", DEB822);
  const own = { base: "http://mirror.example/debian", suite: "bookworm", components: ["main"] };
  expect(await origin(undefined, system())).toMatchObject({ ...own, keyring: "/keys/debian.gpg" });
  expect(await origin("3.5.16", system())).toMatchObject({ ...own, suite: "trixie" });
  await expect(origin("3.5.1", system())).rejects.toThrow("known to have etcd 3.5.1");
});

test("Ubuntu: where its universe is, and whatever version that has", async () => {
  await file("os-release", ["ID=ubuntu", "VERSION_CODENAME=noble"]);
  await file("apt/sources.list", [
    "deb http://a.example noble main",
    "deb http://b.example noble main universe",
  ]);
  const found = await origin(undefined, system());
  expect(found).toMatchObject({ base: "http://b.example", suite: "noble", keyring: undefined });
  await expect(origin("3.5.30", system())).rejects.toThrow("no release of ubuntu is known");
});

test("no Debian: it says what it is instead", async () => {
  await file("os-release", ["ID=fedora"]);
  await expect(origin(undefined, system())).rejects.toThrow("but fedora");
});

test("packages that neither a known key nor a known sum vouches for are refused", async ({
  skip,
}) => {
  skip(!existsSync("/usr/bin/apt-get"), NO_APT);
  const run = promisify(execFile);
  const architecture = (await run("dpkg", ["--print-architecture"])).stdout.trim();
  const entries: string[] = [];
  for (const name of ["etcd-server", "etcd-client"]) {
    const control = [
      `Package: ${name}`,
      "Version: 3.5.30-1",
      `Architecture: ${architecture}`,
      "Maintainer: nobody <nobody@example.org>",
      "Description: not what it says",
    ];
    await file(`${name}/DEBIAN/control`, control);
    await file(`${name}/usr/bin/${name === "etcd-server" ? "etcd" : "etcdctl"}`, ["#!/bin/sh"]);
    await mkdir(join(folder, "repo"), { recursive: true });
    const deb = join(folder, "repo", `${name}.deb`);
    await run("dpkg-deb", ["--build", "--root-owner-group", join(folder, name), deb]);
    const content = await readFile(deb);
    const sum = createHash("sha256").update(content).digest("hex");
    entries.push(
      [...control, `Filename: ${name}.deb`, `Size: ${content.length}`, `SHA256: ${sum}`].join("\n"),
    );
  }
  await file(`repo/dists/forky/main/binary-${architecture}/Packages`, [entries.join("\n\n")]);
  await file("repo/dists/forky/Release", ["Suite: forky", "Components: main"]);
  await file("os-release", ["ID=debian", "VERSION_CODENAME=forky"]);
  await file("apt/sources.list", [`deb file:${join(folder, "repo")} forky main`]);
  await mkdir(join(folder, "out"));
  const refused = unpackPackages("3.5.30", join(folder, "out"), system());
  await expect(refused).rejects.toMatchObject({ code: "bad-checksum" });
  await expect(refused).rejects.toThrow(/forky are not signed with a key this system knows/);
  const own = unpackPackages(undefined, join(folder, "out"), system());
  await expect(own).rejects.toThrow(/signed/);
  expect(await readdir(join(folder, "out"))).toEqual([]);
});
