import { type Holding, RWMutex } from "@etcdkit/rwmutex";
import { sharedEtcd, testPrefix } from "@etcdkit/testing/vitest";
import { inLine } from "./in-line.js";
import { openSession } from "./open-session.js";
import { type Outcome, outcomeOf } from "./outcome.js";

/** The rows of the table of outcomes: who it is that something happens to. */
export const whos = [
  { who: "a reader who holds", kind: "read", holds: true },
  { who: "a writer who holds", kind: "write", holds: true },
  { who: "a reader who waits", kind: "read", holds: false },
  { who: "a writer who waits", kind: "write", holds: false },
] as const;

export type Who = (typeof whos)[number];
export type Kind = Who["kind"];

/** Somebody of `kind` holds or waits; those around are what shows of it to others. */
export interface Scene {
  name: string;
  kind: Kind;
  /** Of nobody in line. */
  looker: RWMutex;
  /** Who holds, where the one it is about waits. */
  ahead: Holding | undefined;
  /** Asks behind the one it is about, and is kept out by it; by it alone where that is a writer who waits. */
  askBehind(): Promise<Outcome<Holding>>;
}

/** Sets up who is ahead; the one it is about comes next, and then who is behind it. */
export async function setTheScene(
  { kind, holds }: Who,
  hosts = sharedEtcd().endpoints,
): Promise<Scene> {
  const name = `${testPrefix()}rw`;
  const looker = new RWMutex(await openSession({ hosts, ttl: 20 }), name);
  const other = new RWMutex(await openSession({ hosts, ttl: 20 }), name);
  // a reader is kept out by a writer, a writer by a reader too
  const ahead = holds ? undefined : await ask(other, opposite(kind));
  return {
    name,
    kind,
    looker,
    ahead,
    askBehind: async () => {
      await inLine(looker, holds ? 1 : 2);
      const behind = outcomeOf(ask(other, opposite(kind)));
      await inLine(looker, holds ? 2 : 3);
      return behind;
    },
  };
}

export function ask(rwmutex: RWMutex, kind: Kind): Promise<Holding> {
  return kind === "read" ? rwmutex.readLock() : rwmutex.writeLock();
}

function opposite(kind: Kind): Kind {
  return kind === "read" ? "write" : "read";
}
