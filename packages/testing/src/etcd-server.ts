import type { Etcd3, IOptions } from "etcd3";
import type { ClientCredentials } from "./credentials.js";

/** Options of a client of the server; `hosts` and `credentials` are the server's unless given. */
export type ClientOptions = Partial<IOptions>;

/** A real etcd member, under control. */
export interface EtcdServer extends AsyncDisposable {
  /** The member's name. */
  readonly name: string;
  /** Where clients reach it: `host:port`. */
  readonly endpoints: string[];
  /** Such as `3.5.30`. */
  readonly version: string;
  /** Of the running process; `undefined` while there is none, or where it is not ours. */
  readonly pid: number | undefined;
  /** All that the process wrote so far; still there after `stop()`. */
  readonly log: string;
  /** The folder that holds its data and log; `undefined` where the server is not ours. */
  readonly dataDir: string | undefined;
  /** For TLS; `undefined` where the server has none. */
  readonly credentials: ClientCredentials | undefined;

  /**
   * A client of this server, closed by `stop()`. etcd3's own retries and circuit breakers are off,
   * so that a call says what really happened; with `auth` it is root unless told otherwise.
   */
  client(options?: ClientOptions): Etcd3;

  /** One GET to the member itself, such as `/metrics` or `/health`; rejects unless it says 200. */
  get(path: string): Promise<string>;

  /** Ends it (SIGTERM, and SIGKILL after 3 s), closes its clients, removes its data. For good. */
  stop(): Promise<void>;
  /**
   * SIGKILL. The data stays, for `restart()`. Does nothing to one that does not run.
   *
   * @throws {TestingError} `not-ours` for a server given by `ETCD_ENDPOINTS`
   */
  kill(): Promise<void>;
  /**
   * SIGSTOP: connections stay open and nothing answers. Resolves when the process stands still.
   *
   * @throws {TestingError} `not-running` after `kill()` or `stop()`; `not-ours`
   */
  pause(): Promise<void>;
  /**
   * SIGCONT. Does nothing to one that is not paused.
   *
   * @throws {TestingError} `not-running` after `kill()` or `stop()`; `not-ours`
   */
  resume(): void;
  /**
   * Ends it if it runs, and starts it on the same ports and data; resolves when it is ready. One that is
   * asked for during another comes after it.
   *
   * @throws {TestingError} `start-failed`, with etcd's log in the message or the port that another process has
   *   taken meanwhile; `not-running` after `stop()`, also where that comes before it is ready; `not-ours`
   */
  restart(): Promise<void>;
}
