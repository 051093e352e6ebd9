import {
  type Connection,
  connect,
  Election,
  LeaderHealth,
  type Leadership,
  lead,
  Session,
} from "@etcdkit/election";
import { serverState } from "@etcdkit/test-support/server-state";
import { type EtcdServer, startEtcd } from "@etcdkit/testing";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";

// What is wrong is said before anything is sent: on a server of our own, where nobody else writes.

let server: EtcdServer;
let etcd: Connection;
let session: Session;
let leadership: Leadership;
let untouched: unknown;

beforeAll(async () => {
  server = await startEtcd({ own: true });
  etcd = connect({ hosts: server.endpoints });
  session = await Session.open(etcd, { ttl: 60 });
  leadership = await new Election(session, "led").campaign("value");
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
const named = (name: unknown) => () => new Election(session, any(name));
const withSession = (given: unknown) => () => new Election(any(given), "election");
const campaigned = (value: unknown, options?: unknown) => () =>
  new Election(session, "election").campaign(any(value), any(options ?? {}));
const proclaimed = (value: unknown, options?: unknown) => () =>
  leadership.proclaim(any(value), any(options ?? {}));
const observed = (options: unknown) => () => new Election(session, "e").observe(any(options));
const observer = (given: unknown, name: unknown) => () => Election.observer(any(given), any(name));
const work = async () => {};
const led = (options: unknown, given: { etcd?: unknown; name?: unknown; work?: unknown } = {}) => {
  const all = { etcd, name: "service", work, ...given };
  return () => lead(any(all.etcd), any(all.name), any(options), any(all.work));
};
const value = "value";

const rows: Row[] = [
  ["an empty name", named(""), TypeError, "name of an election must not be empty"],
  ["NUL in a name", named("a\0b"), TypeError, "NUL"],
  ["half a surrogate pair", named("a\ud800"), TypeError, "surrogate"],
  ["a number as name", named(42), TypeError, "must be a string, not 42"],
  ["no session", withSession(undefined), TypeError, "expected a Session"],
  ["a session not awaited", withSession(Promise.resolve()), TypeError, "not a Promise"],
  ["a lookalike as session", withSession({ leaseId: 5n }), TypeError, "expected a Session"],

  ["no value", campaigned(undefined), TypeError, "the value must be"],
  ["a number as value", campaigned(5), TypeError, "string or a Buffer, not 5"],
  ["an object as value", campaigned({}), TypeError, "string or a Buffer, not a Object"],
  ["bytes that are no Buffer", campaigned(new Uint8Array(1)), TypeError, "not a Uint8Array"],
  [
    "a controller as signal",
    campaigned(value, { signal: new AbortController() }),
    TypeError,
    "signal",
  ],
  ["a signal as options", campaigned(value, AbortSignal.abort()), TypeError, "{ signal }"],
  ["a number as signal", campaigned(value, { signal: 5_000 }), TypeError, "signal"],

  ["nothing to proclaim", proclaimed(undefined), TypeError, "the value must be"],
  ["null to proclaim", proclaimed(null), TypeError, "not null"],
  ["a bad signal to proclaim", proclaimed(value, { signal: {} }), TypeError, "signal"],

  [
    "a signal as options to proclaim",
    proclaimed(value, AbortSignal.abort()),
    TypeError,
    "{ signal }",
  ],
  ["null as options to observe", observed(null), TypeError, "options must be an object, not null"],
  ["a bad signal to observe", observed({ signal: "now" }), TypeError, "signal"],
  ["no connection", observer(undefined, "e"), TypeError, "expected a Connection"],
  ["a session as connection", () => observer(session, "e")(), TypeError, "expected a Connection"],
  ["an observer of nothing", () => observer(etcd, "")(), TypeError, "must not be empty"],

  ["no options", () => led(undefined)(), TypeError, "lead() takes options"],
  ["text as options", () => led("value")(), TypeError, "lead() takes options"],
  ["no value to lead with", () => led({})(), TypeError, "the value must be"],
  ["no work", () => led({ value }, { work: undefined })(), TypeError, "does the work"],
  ["no connection to lead on", led({ value }, { etcd: null }), TypeError, "expected a Connection"],
  ["no name to lead", () => led({ value }, { name: undefined })(), TypeError, "not undefined"],
  ["a bad signal to lead", () => led({ value, signal: {} })(), TypeError, "signal"],
  ["text as onChange", () => led({ value, onChange: "log" })(), TypeError, "onChange"],
  ["an object as health", () => led({ value, health: {} })(), TypeError, "LeaderHealth"],
  ["a class as health", () => led({ value, health: LeaderHealth })(), TypeError, "LeaderHealth"],
  ["text as stubbornAfterMs", () => led({ value, stubbornAfterMs: "5" })(), TypeError, "stubborn"],
  ["never stubborn", () => led({ value, stubbornAfterMs: 1 / 0 })(), RangeError, "finite"],
  ["stubborn before", () => led({ value, stubbornAfterMs: -1 })(), RangeError, "at least 0"],
  ["a TTL of 1 to lead", () => led({ value, ttl: 1 })(), RangeError, "at least 2"],
  ["text as TTL to lead", () => led({ value, ttl: "15" })(), TypeError, "ttl"],
  ["a margin too large", () => led({ value, ttl: 4, safetyMarginMs: 2_000 })(), RangeError, "half"],
];

test.for(rows)("%s", async ([, act, error, words]) => {
  const thrown = await outcome(act);
  expect(thrown).toBeInstanceOf(error);
  expect((thrown as Error).message).toContain(words);
});

test("all of this leaves the leadership as good as new", async () => {
  expect(leadership.held).toBe(true);
  await leadership.proclaim("another value");
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
