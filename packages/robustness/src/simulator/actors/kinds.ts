import type { Scene } from "../scene.js";
import { holdBarrier, waitAtBarrier } from "./barrier.js";
import { meetAtDoubleBarrier } from "./double-barrier.js";
import { campaign, observeElection, serveAsLeader } from "./election.js";
import { joinGroup, watchGroup } from "./group.js";
import { lockMutex } from "./mutex.js";
import { lockRwmutex } from "./rwmutex.js";
import { handSessionsOn } from "./session.js";

export type ActorKind =
  | "mutex"
  | "rwmutex"
  | "election"
  | "election observer"
  | "lead"
  | "barrier holder"
  | "barrier waiter"
  | "double barrier"
  | "group member"
  | "group watcher"
  | "session";

export const actors: Record<ActorKind, (scene: Scene) => Promise<void>> = {
  mutex: lockMutex,
  rwmutex: lockRwmutex,
  election: campaign,
  "election observer": observeElection,
  lead: serveAsLeader,
  "barrier holder": holdBarrier,
  "barrier waiter": waitAtBarrier,
  "double barrier": meetAtDoubleBarrier,
  "group member": joinGroup,
  "group watcher": watchGroup,
  session: handSessionsOn,
};
