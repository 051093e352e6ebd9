import { type Connection, connect, Group } from "@etcdkit/liveness";
import { serverState } from "@etcdkit/test-support/server-state";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

// What is wrong is said before anything is sent: on a server of our own, where nobody else writes.

let server: EtcdServer;
let etcd: Connection;
let untouched: unknown;

beforeAll(async () => {
  server = await startEtcd({ own: true });
  etcd = connect({ hosts: server.endpoints });
  untouched = await serverState(server);
});

afterEach(async () => {
  expect(await serverState(server)).toEqual(untouched);
});

afterAll(async () => {
  await etcd?.close();
  await server?.stop();
});

type Row = [
  what: string,
  act: () => unknown,
  error: typeof TypeError | typeof RangeError,
  words: string,
];
// what JavaScript lets through, and TypeScript would not
const any = (value: unknown) => value as never;
const named = (name: unknown) => () => new Group(etcd, any(name));
const joined = (options: unknown) => () => new Group(etcd, "group").join(any(options));
const as = (id: unknown) => joined({ id });
const saying = (metadata: unknown) => joined({ id: "a", metadata });
const watched = (options: unknown) => () => new Group(etcd, "group").watch(any(options));

const circle: Record<string, unknown> = {};
circle.inside = [circle];
const deep: Record<string, unknown> = {};
for (let inner = deep, depth = 0; depth < 50_000; depth++) {
  inner.a = {};
  inner = inner.a as Record<string, unknown>;
}

const rows: Row[] = [
  ["an empty name", named(""), TypeError, "name of a group must not be empty"],
  ["NUL in the name", named("a\0b"), TypeError, "NUL"],
  ["a number as name", named(42), TypeError, "must be a string, not 42"],
  ["half a character as name", named("\ud800"), TypeError, "surrogate"],
  ["no connection", () => new Group(any({}), "group"), TypeError, "expected a Connection"],
  ["no options", joined(undefined), TypeError, "join takes { id, … }, not undefined"],
  ["no id", joined({}), TypeError, "must be a string, not undefined"],
  ["an empty id", as(""), RangeError, "must not be empty"],
  ["a slash in an id", as("a/b"), RangeError, 'slash: "a/b"'],
  ["a line break in an id", as("a\nb"), RangeError, "control characters"],
  ["NUL in an id", as("a\0"), RangeError, "control characters"],
  ["a control character of Unicode", as("a\u0085"), RangeError, "control characters"],
  ["half a character as id", as("\udc00"), RangeError, "surrogate"],
  ["a long id", as("a".repeat(256)), RangeError, "longer than 255"],
  ["an object as id", as({}), TypeError, "not a Object"],
  ["text as metadata", saying("a"), TypeError, "plain object"],
  ["null as metadata", saying(null), TypeError, "plain object"],
  ["a list as metadata", saying([]), TypeError, "plain object"],
  ["a date as metadata", saying(new Date()), TypeError, "not a Date"],
  ["a function", saying({ a: () => 1 }), TypeError, "metadata.a must be something that JSON can"],
  ["a bigint", saying({ a: [1n] }), TypeError, "metadata.a[0]"],
  ["undefined", saying({ a: { b: undefined } }), TypeError, "metadata.a.b"],
  ["a hole in a list", saying({ a: new Array(1) }), TypeError, "metadata.a[0]"],
  ["NaN", saying({ a: Number.NaN }), TypeError, "finite number, not NaN"],
  ["infinity", saying({ a: 1 / 0 }), TypeError, "finite number"],
  ["a symbol", saying({ a: Symbol("a") }), TypeError, "metadata.a"],
  ["a symbol as key", saying({ [Symbol("a")]: 1 }), TypeError, "symbols"],
  ["a map", saying({ a: new Map() }), TypeError, "not a Map"],
  ["toJSON", saying({ toJSON: () => ({}) }), TypeError, "toJSON"],
  ["a circle", saying(circle), TypeError, "metadata.inside[0] contains itself"],
  ["too deep", saying(deep), RangeError, "deeper than 100"],
  [
    "one byte too much",
    saying({ a: "x".repeat(65_529) }),
    RangeError,
    "65536 bytes as JSON: 65537",
  ],
  ["too much in UTF-8", saying({ a: "é".repeat(40_000) }), RangeError, "65536"],
  ["a ttl of one second", joined({ id: "a", ttl: 1 }), RangeError, "ttl"],
  ["text as ttl", joined({ id: "a", ttl: "5" }), TypeError, "ttl"],
  ["a number as signal", joined({ id: "a", signal: 5 }), TypeError, "AbortSignal"],
  ["a number as takeOver", joined({ id: "a", takeOver: 1 }), TypeError, "takeOver"],
  ["a signal that is none", watched({ signal: {} }), TypeError, "AbortSignal"],
  ["a signal as options", watched(AbortSignal.abort()), TypeError, "pass { signal }"],
  ["suspect: true", watched({ suspect: true }), TypeError, "suspect must be false or options"],
  ["no reads", watched({ suspect: { readsPerSecond: 0 } }), RangeError, "readsPerSecond"],
  ["a text of reads", watched({ suspect: { readsPerSecond: "5" } }), TypeError, "readsPerSecond"],
  ["a share of 0", watched({ suspect: { silentShare: 0 } }), RangeError, "silentShare"],
  ["a share of NaN", watched({ suspect: { silentShare: Number.NaN } }), RangeError, "silentShare"],
];

test.each(rows)("%s is refused", async (_, act, type, words) => {
  const error = await (async () => act())().then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(type);
  expect(String(error)).toContain(words);
});

test("an aborted signal joins nothing", async () => {
  const reason = new Error("not now");
  const signal = AbortSignal.abort(reason);
  await expect(new Group(etcd, "group").join({ id: "a", signal })).rejects.toBe(reason);
});
