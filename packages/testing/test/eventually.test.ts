import { expect, test } from "vitest";
import { eventually } from "../src/index.js";

test("the value comes back once it is truthy", async () => {
  let tries = 0;
  expect(await eventually(() => (++tries === 3 ? "there" : undefined), { everyMs: 1 })).toBe(
    "there",
  );
});

test("throwing means not yet", async () => {
  let tries = 0;
  const condition = async () => {
    if (++tries < 3) throw new Error("not yet");
    return tries;
  };
  expect(await eventually(condition, { everyMs: 1 })).toBe(3);
});

test("the error says what was last seen", async () => {
  const never = (condition: () => unknown) =>
    eventually(condition, { withinMs: 20, what: "the light" });
  await expect(never(() => undefined)).rejects.toThrow(
    "the light did not come about in 20 ms; last, it returned undefined",
  );
  const thrown = never(() => {
    throw new Error("dark");
  });
  await expect(thrown).rejects.toThrow("last, it threw dark");
  await expect(thrown).rejects.toMatchObject({ code: "timed-out", cause: { message: "dark" } });
});

test("a condition that hangs does not outlive the bound", async () => {
  const start = performance.now();
  const hangs = eventually(() => new Promise<boolean>(() => undefined), { withinMs: 30 });
  await expect(hangs).rejects.toThrow("a try that never ended");
  expect(performance.now() - start).toBeLessThan(1_000);
});
