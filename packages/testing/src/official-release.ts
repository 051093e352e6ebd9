import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { TestingError } from "./errors.js";
import { progress } from "./progress.js";

const DEFAULT_BASE = "https://github.com/etcd-io/etcd/releases/download";
const ANSWER_MS = 10_000;
const SILENCE_MS = 30_000;

/**
 * Puts the binaries of the official release into `folder`: the archive for this system, refused
 * unless it has the sum the release's SHA256SUMS gives. `ETCD_DOWNLOAD_BASE` names a mirror.
 */
export async function unpackRelease(version: string, folder: string): Promise<void> {
  const base = (process.env.ETCD_DOWNLOAD_BASE || DEFAULT_BASE).replace(/\/+$/, "");
  const address = `${base}/v${version}`;
  const name = archiveName(version);
  const sums = await (await get(`${address}/SHA256SUMS`)).text();
  const expected = sums
    .split("\n")
    .map((line) => line.trim().split(/\s+\*?/))
    .find(([, file]) => file === name)?.[0];
  if (!expected) throw new Error(`${address}/SHA256SUMS has no line for ${name}`);
  const archive = join(folder, name);
  const sum = await download(`${address}/${name}`, archive);
  if (sum !== expected.toLowerCase()) {
    throw new TestingError(
      "bad-checksum",
      `${address}/${name} has the SHA-256 ${sum}, and ${expected} was published: refused`,
    );
  }
  // the tar of macOS reads zip archives too
  await promisify(execFile)("tar", ["-xf", archive, "-C", folder, "--strip-components=1"]);
  await rm(archive);
}

function archiveName(version: string): string {
  const arch = { x64: "amd64", arm64: "arm64" }[process.arch as string];
  const ending = { linux: "tar.gz", darwin: "zip" }[process.platform as string];
  if (!arch || !ending) {
    throw new Error(`no official release is known for ${process.platform} ${process.arch}`);
  }
  return `etcd-v${version}-${process.platform}-${arch}.${ending}`;
}

async function get(address: string, extend = new AbortController()): Promise<Response> {
  const late = setTimeout(() => {
    extend.abort(new Error(`no answer in ${ANSWER_MS} ms`));
  }, ANSWER_MS);
  try {
    const response = await fetch(address, { signal: extend.signal });
    if (!response.ok) throw new Error(`${response.status} ${response.statusText}`);
    return response;
  } catch (error) {
    throw new Error(`${address}: ${reason(error)}`, { cause: error });
  } finally {
    clearTimeout(late);
  }
}

/** Returns the SHA-256 of what was written. */
async function download(address: string, file: string): Promise<string> {
  const abort = new AbortController();
  progress(`fetching ${address}`);
  const { body, headers } = await get(address, abort);
  if (!body) throw new Error(`${address}: an empty answer`);
  const total = Number(headers.get("content-length"));
  const hash = createHash("sha256");
  let done = 0;
  let told = 0;
  const silence = setTimeout(() => {
    abort.abort(new Error(`${address}: nothing more came for ${SILENCE_MS} ms`));
  }, SILENCE_MS);
  const watch = new Transform({
    transform(chunk: Buffer, _encoding, pass) {
      silence.refresh();
      hash.update(chunk);
      done += chunk.length;
      const quarter = total > 0 ? Math.floor((4 * done) / total) : 0;
      if (quarter > told) progress(`${quarter * 25} % of ${(total / 2 ** 20).toFixed(1)} MiB`);
      told = quarter;
      pass(null, chunk);
    },
  });
  try {
    await pipeline(Readable.fromWeb(body), watch, createWriteStream(file));
  } finally {
    clearTimeout(silence);
  }
  return hash.digest("hex");
}

// fetch says "fetch failed" and keeps the reason in the cause
function reason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${reason(error.cause)}`;
}
