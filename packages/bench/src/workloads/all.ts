import type { Workload } from "../workload.js";
import { barrier } from "./barrier.js";
import { contendedLocks } from "./contended.js";
import { distinct64, distinct1000, uncontended } from "./distinct.js";
import { doubleBarrier } from "./double-barrier.js";
import { elections } from "./election.js";
import { growths } from "./growth.js";
import { sessions } from "./held-sessions.js";
import { livenessOf5000 } from "./liveness.js";
import { limits } from "./puts.js";
import { rwmutex } from "./rwmutex.js";
import { takeOver } from "./take-over.js";
import { tryLock } from "./try-lock.js";

/** In the order in which they are run and shown. */
export const workloads: readonly Workload[] = [
  ...contendedLocks,
  ...elections,
  doubleBarrier,
  rwmutex,
  distinct64,
  distinct1000,
  uncontended,
  tryLock,
  takeOver,
  ...sessions,
  barrier,
  livenessOf5000,
  ...growths,
  ...limits,
];
