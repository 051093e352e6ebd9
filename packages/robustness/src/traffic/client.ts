import type { Connection } from "@etcdkit/session";
import type { Random } from "../model/random.js";
import type { Recorder } from "./recorder.js";

/** What the traffic of one process works with. */
export interface Client {
  /** Of this process: `client-2.1` is the second to be `client-2`. */
  readonly name: string;
  /** The place it takes: a process that replaces a killed one has the same. */
  readonly slot: string;
  /** How many clients there are. */
  readonly clients: number;
  /** Before all keys of the run. */
  readonly prefix: string;
  /** Seconds, of every session. */
  readonly ttl: number;
  readonly etcd: Connection;
  readonly recorder: Recorder;
  /** Aborts when no more is to be begun. */
  readonly stop: AbortSignal;
}

/** One kind of traffic; it goes on until the client is to stop, and leaves nothing open. */
export type Traffic = (client: Client, random: Random) => Promise<void>;
