import { spawn } from "node:child_process";
import { once } from "node:events";
import { Server } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, onTestFinished, test, vi } from "vitest";
import { freePorts } from "../src/ports.js";

const PROGRAM = join(import.meta.dirname, "programs", "draw-ports.ts");

/** What another process is given, which lives until the test ends. */
async function drawnElsewhere(count: number): Promise<number[]> {
  const args = ["--import", "tsx", PROGRAM, String(count), String(process.pid + 100)];
  const child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
  onTestFinished(() => void child.stdin.end());
  const [line] = await once(createInterface(child.stdout), "line");
  return JSON.parse(line);
}

test("a port that was given is given to nobody else while it is not listened on, here or in another process", async () => {
  const first = await freePorts(100);
  const others = await drawnElsewhere(100);
  // more than are of one part
  const all = [...first, ...others, ...(await freePorts(200))];
  expect(new Set(all).size).toBe(400);
  for (const port of all) {
    expect(port).toBeGreaterThanOrEqual(10_000);
    expect(port).toBeLessThan(32_000);
  }
});

/** The next port that is tried cannot be listened on, for this reason. */
function failNextListen(code: string): void {
  const listen = vi.spyOn(Server.prototype, "listen");
  onTestFinished(() => listen.mockRestore());
  listen.mockImplementationOnce(function (this: Server) {
    const error = Object.assign(new Error(`listen ${code}`), { code });
    queueMicrotask(() => this.emit("error", error));
    return this;
  });
}

test("a port that somebody has is passed over", async () => {
  failNextListen("EADDRINUSE");
  expect(await freePorts(2)).toHaveLength(2);
});

test.each(["EPERM", "EACCES", "EMFILE"])(
  "where nothing can be listened on (%s), it says so",
  async (code) => {
    failNextListen(code);
    await expect(freePorts(2)).rejects.toMatchObject({ code });
  },
);
