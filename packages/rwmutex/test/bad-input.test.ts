import { RWMutex, type Session } from "@etcdkit/rwmutex";
import { testClient, testPrefix } from "@etcdkit/testing/vitest";
import { expect, test } from "vitest";
import { openSession } from "./open-session.js";

// What is wrong is said before anything is sent.

// what JavaScript lets through, and TypeScript would not
const any = (value: unknown) => value as never;
type Row = [what: string, act: (rwmutex: RWMutex, session: Session) => unknown, words: string];

const rows: Row[] = [
  [
    "an empty name",
    (_, session) => new RWMutex(session, ""),
    "name of a rwmutex must not be empty",
  ],
  ["NUL in a name", (_, session) => new RWMutex(session, "a\0b"), "NUL"],
  ["a number as name", (_, session) => new RWMutex(session, any(42)), "must be a string, not 42"],
  ["no session", () => new RWMutex(any(undefined), "rw"), "expected a Session"],
  ["a lookalike of a session", () => new RWMutex(any({ leaseId: 5n }), "rw"), "expected a Session"],
  ["a signal of readLock", (rw) => rw.readLock({ signal: any(5) }), "signal"],
  ["a signal of writeLock", (rw) => rw.writeLock({ signal: any(5) }), "signal"],
  ["a signal of tryReadLock", (rw) => rw.tryReadLock({ signal: any({}) }), "signal"],
  ["a signal as options of readLock", (rw) => rw.readLock(any(AbortSignal.abort())), "{ signal }"],
  ["a number as options of tryWriteLock", (rw) => rw.tryWriteLock(any(5)), "options must be"],
  ["a value of tryWriteLock", (rw) => rw.tryWriteLock({ value: any(5) }), "value must be"],
  ["a value of readLock", (rw) => rw.readLock({ value: any({}) }), "value must be"],
  ["no work to read", (rw) => rw.withReadLock(any(undefined)), "withReadLock takes a function"],
  ["a promise as work", (rw) => rw.withWriteLock(any(Promise.resolve())), "withWriteLock takes a"],
];

test.for(rows)("%s", async ([, act, words]) => {
  const session = await openSession();
  const rwmutex = new RWMutex(session, `${testPrefix()}rw`);
  let thrown: unknown;
  try {
    await act(rwmutex, session);
  } catch (error) {
    thrown = error;
  }
  expect(thrown).toBeInstanceOf(TypeError);
  expect((thrown as Error).message).toContain(words);
  expect(await testClient().getAll().prefix(`${rwmutex.name}/`).keys()).toEqual([]);
  expect((await rwmutex.tryWriteLock())?.held).toBe(true);
});
