import { Barrier, DoubleBarrier, type Session } from "@etcdkit/barrier";
import { expect, test } from "vitest";
import { openConnection, openSession } from "./open.js";

// No server is there: whatever is refused was refused before anything was sent.
const nowhere = () => openConnection({ hosts: ["127.0.0.1:1"] });

test.for([[undefined], [null], [""], [7], ["a\0b"], ["half \ud800"]])(
  "a name must be text: %j",
  async ([name]) => {
    const session = await openSession();
    expect(() => new Barrier(nowhere(), name as string)).toThrow(TypeError);
    expect(() => new DoubleBarrier(session, name as string, { count: 2 })).toThrow(TypeError);
  },
);

test("a connection, or a session, must be one", async () => {
  const session = await openSession();
  expect(() => new Barrier({} as never, "name")).toThrow("expected a Connection");
  expect(() => new Barrier(session as never, "name")).toThrow("expected a Connection");
  expect(() => new DoubleBarrier(nowhere() as never, "name", { count: 2 })).toThrow(
    "expected a Session",
  );
  const holding = new Barrier(nowhere(), "name").hold({ session: {} as Session });
  await expect(holding).rejects.toThrow("expected a Session");
});

test("a count must be a whole number of at least 1", async () => {
  const session = await openSession();
  const open = (options: unknown) => new DoubleBarrier(session, "name", options as never);
  for (const count of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53]) {
    expect(() => open({ count })).toThrow(RangeError);
  }
  for (const options of [undefined, {}, { count: "3" }, { count: 3n }]) {
    expect(() => open(options)).toThrow(TypeError);
  }
});

test("onHolderLost must be one of two words, and is about a session", async () => {
  const session = await openSession();
  const barrier = new Barrier(nowhere(), "name");
  const hold = (options: unknown) => barrier.hold(options as never);
  await expect(hold({ session, onHolderLost: "explode" })).rejects.toThrow(TypeError);
  await expect(hold({ onHolderLost: "fail" })).rejects.toThrow("about a session");
  await expect(hold("fail")).rejects.toThrow("options must be an object");
  // it would be a hold without one, which outlives its process
  await expect(hold(session)).rejects.toThrow("pass { session }");
});

test("a signal must be one, and one that has aborted cancels at once", async () => {
  const session = await openSession();
  const reason = new Error("no");
  const calls = [
    (options: object) => new Barrier(nowhere(), "name").wait(options),
    (options: object) => new DoubleBarrier(session, "name", { count: 2 }).enter(options),
    (options: object) => new DoubleBarrier(session, "name", { count: 2 }).leave(options),
  ];
  for (const call of calls) {
    await expect(call({ signal: {} })).rejects.toThrow(TypeError);
    await expect(call(AbortSignal.abort(reason))).rejects.toThrow("pass { signal }");
  }
  for (const call of calls.slice(0, 2)) {
    await expect(call({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
  }
});

test("enter and leave take turns", async () => {
  const session = await openSession();
  const member = new DoubleBarrier(session, `test/turns-${session.leaseId}`, { count: 1 });
  const code = (what: string) => expect.objectContaining({ code: what });
  await expect(member.leave()).rejects.toEqual(code("NOT_ENTERED"));
  const entering = member.enter();
  await expect(member.enter()).rejects.toEqual(code("ALREADY_ENTERED"));
  await expect(member.leave()).rejects.toEqual(code("NOT_ENTERED"));
  await entering;
  await expect(member.enter()).rejects.toEqual(code("ALREADY_ENTERED"));
  const leaving = member.leave();
  await expect(member.leave()).rejects.toEqual(code("NOT_ENTERED"));
  await expect(member.enter()).rejects.toEqual(code("ALREADY_ENTERED"));
  await leaving;
  await expect(member.leave()).rejects.toEqual(code("NOT_ENTERED"));
});

test("a session that is over is heard of at once", async () => {
  const session = await openSession();
  await session.close();
  const closed = expect.objectContaining({ code: "SESSION_CLOSED" });
  await expect(new Barrier(nowhere(), "name").hold({ session })).rejects.toEqual(closed);
  const member = new DoubleBarrier(session, "name", { count: 1 });
  await expect(member.enter()).rejects.toEqual(closed);
});
