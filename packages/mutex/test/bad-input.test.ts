import { type Connection, connect, type LockOptions, Mutex, Session } from "@etcdkit/mutex";
import { serverState } from "@etcdkit/test-support/server-state";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

// What is wrong is said before anything is sent: on a server of our own, where nobody else writes.

let server: EtcdServer;
let etcd: Connection;
let session: Session;
let untouched: unknown;

beforeAll(async () => {
  server = await startEtcd({ own: true });
  etcd = connect({ hosts: server.endpoints });
  session = await Session.open(etcd, { ttl: 60 });
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
const named = (name: unknown) => () => new Mutex(session, any(name));
const withSession = (given: unknown) => () => new Mutex(any(given), "lock");
const opened = (options: unknown) => () => Session.open(etcd, any(options));
const openedOn = (given: unknown) => () => Session.open(any(given));
const connected = (given: unknown) => () => connect(any(given));
const locked = (options: unknown) => () => new Mutex(session, "lock").lock(any(options));
const tried = (options: unknown) => () => new Mutex(session, "lock").tryLock(any(options));
const worked = (work: unknown, options?: LockOptions) => () =>
  new Mutex(session, "lock").withLock(any(work), options);

// the likeliest slip
const aborted = AbortSignal.abort();

const rows: Row[] = [
  ["an empty name", named(""), TypeError, "name of a mutex must not be empty"],
  ["NUL in a name", named("a\0b"), TypeError, "NUL"],
  ["half a surrogate pair", named("a\ud800"), TypeError, "surrogate"],
  ["the other half", named("\udc00a"), TypeError, "surrogate"],
  ["a number as name", named(42), TypeError, "must be a string, not 42"],
  ["no name", named(undefined), TypeError, "must be a string, not undefined"],
  ["an object as name", named({}), TypeError, "must be a string, not a Object"],
  ["a symbol as name", named(Symbol("lock")), TypeError, "must be a string, not a symbol"],

  ["no session", withSession(undefined), TypeError, "expected a Session"],
  ["null as session", withSession(null), TypeError, "expected a Session"],
  ["a lookalike as session", withSession({ leaseId: 5n, ttl: 5 }), TypeError, "expected a Session"],
  ["a connection as session", () => withSession(etcd)(), TypeError, "expected a Session"],
  ["a session not awaited", withSession(Promise.resolve()), TypeError, "not a Promise"],

  ["no connection", openedOn(undefined), TypeError, "expected a Connection"],
  ["options as connection", openedOn({ hosts: "127.0.0.1:1" }), TypeError, "expected a Connection"],
  [
    "etcd3's client as connection",
    () => openedOn(etcd.client)(),
    TypeError,
    "expected a Connection",
  ],

  ["no hosts", connected({}), TypeError, "hosts"],
  ["an empty list of hosts", connected({ hosts: [] }), TypeError, "hosts"],
  ["an empty host", connected({ hosts: [""] }), TypeError, "hosts"],
  ["a number as host", connected({ hosts: [2379] }), TypeError, "hosts"],
  ["a list in one text", connected({ hosts: "a:1,b:2" }), TypeError, 'not "a:1,b:2"'],
  ["a space before a host", connected({ hosts: ["a:1", " b:2"] }), TypeError, 'not " b:2"'],
  ["a port without a host", connected({ hosts: "http://:2379" }), TypeError, 'not "http://:2379"'],
  ["a scheme without a host", connected({ hosts: "https://" }), TypeError, 'not "https://"'],
  ["a connection to connect", () => connected(etcd)(), TypeError, "not a Connection"],
  [
    "etcd3's Namespace",
    () => connected(etcd.client.namespace("a/"))(),
    TypeError,
    "the prefix as `namespace`",
  ],
  ["text as options", connected("127.0.0.1:2379"), TypeError, "connect() takes"],
  ["no options", connected(undefined), TypeError, "connect() takes"],
  [
    "a number as namespace",
    connected({ hosts: "127.0.0.1:1", namespace: 5 }),
    TypeError,
    "namespace",
  ],

  ["a TTL of 1", opened({ ttl: 1 }), RangeError, "at least 2"],
  ["a TTL of 0", opened({ ttl: 0 }), RangeError, "at least 2"],
  ["a negative TTL", opened({ ttl: -5 }), RangeError, "at least 2"],
  ["a TTL of 2.5", opened({ ttl: 2.5 }), RangeError, "whole number"],
  ["a TTL of NaN", opened({ ttl: Number.NaN }), RangeError, "whole number"],
  ["a TTL without end", opened({ ttl: Number.POSITIVE_INFINITY }), RangeError, "whole number"],
  ["text as TTL", opened({ ttl: "5" }), TypeError, "ttl must be a number"],
  ["a bigint as TTL", opened({ ttl: 5n }), TypeError, "ttl must be a number"],
  ["null as TTL", opened({ ttl: null }), TypeError, "ttl must be a number"],
  ["a number as lease", opened({ leaseId: 5 }), TypeError, "leaseId must be a bigint"],
  ["text as lease", opened({ leaseId: "5" }), TypeError, "leaseId must be a bigint"],
  ["lease 0", opened({ leaseId: 0n }), RangeError, "int64"],
  ["a lease of 65 bits", opened({ leaseId: 1n << 63n }), RangeError, "int64"],
  ["text as margin", opened({ safetyMarginMs: "5" }), TypeError, "safetyMarginMs"],
  ["a margin of half the TTL", opened({ ttl: 4, safetyMarginMs: 2_000 }), RangeError, "half"],
  ["a negative margin", opened({ safetyMarginMs: -1 }), RangeError, "safetyMarginMs"],
  ["a margin of NaN", opened({ safetyMarginMs: Number.NaN }), RangeError, "safetyMarginMs"],
  [
    "a controller as signal of a session",
    opened({ signal: new AbortController() }),
    TypeError,
    "signal",
  ],
  ["null as signal of a session", opened({ signal: null }), TypeError, "signal"],
  ["a number as options of a session", opened(5), TypeError, "options must be an object, not 5"],
  ["a signal as options of a session", opened(aborted), TypeError, "pass { signal }"],

  [
    "a controller as signal of lock",
    locked({ signal: new AbortController() }),
    TypeError,
    "signal",
  ],
  ["a number as signal of tryLock", tried({ signal: 5_000 }), TypeError, "signal"],
  ["a number as value of lock", locked({ value: 5 }), TypeError, "value must be"],
  ["an object as value of tryLock", tried({ value: {} }), TypeError, "value must be"],
  ["null as value", locked({ value: null }), TypeError, "value must be"],
  ["a signal as options of lock", locked(aborted), TypeError, "pass { signal }"],
  ["a signal as options of tryLock", tried(aborted), TypeError, "pass { signal }"],
  ["a signal as options of withLock", worked(() => 1, any(aborted)), TypeError, "pass { signal }"],
  ["a number as options", locked(300), TypeError, "options must be an object, not 300"],
  ["text as options of lock", locked("value"), TypeError, 'options must be an object, not "value"'],
  ["null as options", tried(null), TypeError, "options must be an object, not null"],
  ["a list as options", locked([]), TypeError, "options must be an object, not a Array"],

  ["no work", worked(undefined), TypeError, "withLock takes a function"],
  ["a promise as work", worked(Promise.resolve()), TypeError, "withLock takes a function"],
  ["a bad value beside good work", worked(() => 1, any({ value: 1 })), TypeError, "value must be"],
];

test.for(rows)("%s", async ([, act, error, words]) => {
  const thrown = await outcome(act);
  expect(thrown).toBeInstanceOf(error);
  expect((thrown as Error).message).toContain(words);
});

test("all of this leaves the session as good as new", async () => {
  expect(session.state).toBe("connected");
  const lock = await new Mutex(session, "lock").tryLock({ value: Buffer.from("value") });
  expect(lock?.held).toBe(true);
  await lock?.release();
  untouched = await serverState(server);
});

/** What it throws, at once or by its promise. */
async function outcome(act: () => unknown): Promise<unknown> {
  try {
    return await act();
  } catch (error) {
    return error;
  }
}
