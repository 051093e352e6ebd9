import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import {
  eventually,
  findEtcd,
  findEtcdctl,
  startCluster,
  startEtcd,
  startProxy,
  type TcpProxy,
} from "../src/index.js";

// What is wrong is said before anything is started: no etcd can be found here, and no folder is made.

let folder: string;
let proxy: TcpProxy;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "bad-input-"));
  vi.stubEnv("TMPDIR", folder);
  vi.stubEnv("ETCD_BIN", join(folder, "nothing"));
  vi.stubEnv("ETCD_ENDPOINTS", "");
  proxy = await startProxy({ target: "127.0.0.1:1" });
});

afterAll(async () => {
  vi.unstubAllEnvs();
  await proxy?.close();
  await rm(folder, { recursive: true });
});

// what JavaScript lets through, and TypeScript would not
const any = (value: unknown) => value as never;
const started = (options: unknown) => () => startEtcd(any(options));
const clustered = (options: unknown) => () => startCluster(any(options));
const proxied = (options: unknown) => () => startProxy(any(options));
const withAuth = (auth: unknown) => started({ auth });
const withUser = (user: object) =>
  withAuth({ users: [{ name: "ann", password: "secret", prefix: "ann/", ...user }] });
const waited = (options: unknown) => () => eventually(() => true, any(options));

const rows: [
  what: string,
  act: () => unknown,
  error: typeof TypeError | typeof RangeError,
  words: string,
][] = [
  ["a number as options", started(5), TypeError, "options must be an object, not 5"],
  ["null as options", started(null), TypeError, "options must be an object, not null"],
  ["text as options of a cluster", clustered("3"), TypeError, 'must be an object, not "3"'],
  ["a list as options", started([]), TypeError, "options must be an object, not a Array"],
  ["a number as version", started({ version: 3 }), TypeError, "version must be a text, not 3"],
  ["no text as version", started({ version: "" }), TypeError, "version must not be empty"],
  [
    "a number as version to find",
    () => findEtcd(any({ version: 3 })),
    TypeError,
    "version must be a text, not 3",
  ],
  [
    "text as options of findEtcdctl",
    () => findEtcdctl(any("3.5.16")),
    TypeError,
    "options must be an object",
  ],
  ["text as flags", started({ args: "--debug" }), TypeError, 'args must be a list, not "--debug"'],
  ["a number among the flags", started({ args: ["a", 1] }), TypeError, "args[1] must be a text"],
  ["text as own", started({ own: "yes" }), TypeError, 'own must be true or false, not "yes"'],
  ["text as fsync", started({ fsync: "no" }), TypeError, "fsync must be true or false"],
  ["no text as data folder", started({ dataDir: "" }), TypeError, "dataDir must not be empty"],
  ["text as time", started({ readyTimeoutMs: "5" }), TypeError, "readyTimeoutMs must be a number"],
  ["a time of NaN", started({ readyTimeoutMs: Number.NaN }), RangeError, "readyTimeoutMs must be"],
  ["no time", started({ readyTimeoutMs: 0 }), RangeError, "readyTimeoutMs must be from 1 to"],
  [
    "text as tls",
    started({ tls: "yes" }),
    TypeError,
    'tls must be true, false or an object, not "yes"',
  ],
  ["text in tls", started({ tls: { clientCert: 1 } }), TypeError, "tls.clientCert must be true or"],

  ["true as auth", withAuth(true), TypeError, "auth must be an object, not true"],
  ["a number as password", withAuth({ rootPassword: 1 }), TypeError, "auth.rootPassword must be a"],
  ["one user as users", withAuth({ users: {} }), TypeError, "auth.users must be a list"],
  ["a name as user", withAuth({ users: ["ann"] }), TypeError, "auth.users[0] must be an object"],
  [
    "a user without name",
    withUser({ name: undefined }),
    TypeError,
    "auth.users[0].name is missing",
  ],
  ["a user without password", withUser({ password: undefined }), TypeError, "password is missing"],
  ["a user without prefix", withUser({ prefix: undefined }), TypeError, "prefix is missing"],
  [
    "a permission in small letters",
    withUser({ permission: "readwrite" }),
    TypeError,
    'auth.users[0].permission must be "Read", "Write" or "Readwrite", not "readwrite"',
  ],
  ["half a second", withAuth({ tokenTtlSeconds: 0.5 }), RangeError, "auth.tokenTtlSeconds must be"],

  [
    "no members",
    clustered({ size: 0 }),
    RangeError,
    "size must be a whole number of at least 1: 0",
  ],
  ["one and a half members", clustered({ size: 1.5 }), RangeError, "size must be a whole number"],
  ["text as size", clustered({ size: "3" }), TypeError, 'size must be a number, not "3"'],
  ["a number as proxied", clustered({ proxied: 1 }), TypeError, "proxied must be true or false"],
  ["no heartbeat", clustered({ heartbeatMs: 0 }), RangeError, "heartbeatMs must be a whole"],
  ["an election of NaN", clustered({ electionMs: Number.NaN }), RangeError, "electionMs must be a"],
  ["an object as network", clustered({ network: {} }), TypeError, "network must be a function"],

  ["no target", proxied({}), TypeError, "target is missing"],
  ["no options of a proxy", proxied(undefined), TypeError, "options must be an object"],
  ["a target as options", proxied("127.0.0.1:1"), TypeError, 'an object, not "127.0.0.1:1"'],
  [
    "a target without port",
    proxied({ target: "localhost" }),
    TypeError,
    'target must be "host:port"',
  ],
  ["a URL as target", proxied({ target: "http://a:1" }), TypeError, 'target must be "host:port"'],
  ["a port too high", proxied({ target: "a:65536" }), TypeError, 'target must be "host:port"'],
  [
    "text as onData",
    proxied({ target: "a:1", onData: "log" }),
    TypeError,
    "onData must be a function",
  ],
  [
    "a direction there is not",
    () => proxy.stall(any({ direction: "upwards" })),
    TypeError,
    'direction must be "up", "down" or "both", not "upwards"',
  ],
  ["a direction as options", () => proxy.stall(any("up")), TypeError, "options must be an object"],
  [
    "a break in both directions",
    () => proxy.breakAfter(any({ direction: "both" })),
    TypeError,
    'direction must be "up" or "down", not "both"',
  ],
  [
    "a break there is not",
    () => proxy.breakAfter(any({ how: "stall" })),
    TypeError,
    'how must be "reset", "cut" or "mute"',
  ],
  ["text to match", () => proxy.breakAfter(any({ match: "a" })), TypeError, "match must be a func"],
  ["a delay of NaN", () => proxy.delay(Number.NaN), RangeError, "ms must be from 0 to 2147483647"],
  ["text as delay", () => proxy.delay(any("5")), TypeError, "ms must be a number"],

  ["a promise as condition", () => eventually(any(Promise.resolve())), TypeError, "condition must"],
  ["a time as options", waited(10_000), TypeError, "options must be an object, not 10000"],
  [
    "a time that no timer has",
    waited({ withinMs: Number.POSITIVE_INFINITY }),
    RangeError,
    "withinMs must be from 0 to 2147483647",
  ],
  ["a negative time", waited({ everyMs: -1 }), RangeError, "everyMs must be from 0 to"],
  ["a number for its name", waited({ what: 1 }), TypeError, "what must be a text"],
];

test.for(rows)("%s", async ([, act, error, words]) => {
  const thrown = await outcome(act);
  expect(thrown).toBeInstanceOf(error);
  expect((thrown as Error).message).toContain(words);
  expect(await readdir(folder)).toEqual([]);
});

/** What it throws, at once or by its promise; what it gives is closed. */
async function outcome(act: () => unknown): Promise<unknown> {
  try {
    const given = await act();
    await (given as Partial<AsyncDisposable> | undefined)?.[Symbol.asyncDispose]?.();
    return given;
  } catch (error) {
    return error;
  }
}
