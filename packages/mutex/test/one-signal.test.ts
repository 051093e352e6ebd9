import { getMaxListeners } from "node:events";
import { testPrefix } from "@etcdkit/testing/vitest";
import { expect, it, onTestFinished } from "vitest";
import { Mutex, type Session } from "../src/index.js";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";

it("one signal for everything is not taken for a leak of listeners", async () => {
  const warnings: string[] = [];
  const warned = ({ message }: Error) => void warnings.push(message);
  process.on("warning", warned);
  onTestFinished(() => void process.off("warning", warned));
  const stopping = new AbortController();
  const { signal } = stopping;
  const session = await openSession();
  const mutex = new Mutex(session, testPrefix());
  await mutex.lock();
  const waits = Array.from({ length: 20 }, () => mutex.lock({ signal }));
  const readers = Array.from({ length: 20 }, () => readStates(session, signal));
  const ended = Promise.allSettled([...waits, ...readers]);
  await inLine(mutex, 21);
  expect(warnings).toEqual([]);
  stopping.abort();
  await ended;
});

it("the signals of a session and of its lock may have any number of listeners", async () => {
  const session = await openSession();
  const lock = await new Mutex(session, testPrefix()).lock();
  // in later Node versions that is so from the start, and told as 0
  const unlimited = [0, Number.POSITIVE_INFINITY];
  expect(unlimited).toContain(getMaxListeners(session.signal));
  expect(unlimited).toContain(getMaxListeners(lock.signal));
});

async function readStates(session: Session, signal: AbortSignal): Promise<void> {
  for await (const _ of session.states({ signal }));
}
