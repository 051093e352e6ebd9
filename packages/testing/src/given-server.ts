import type { Etcd3 } from "etcd3";
import { Clients } from "./clients.js";
import { TestingError } from "./errors.js";
import type { ClientOptions, EtcdServer } from "./etcd-server.js";
import { httpGet } from "./http-get.js";
import { checkVersion } from "./version-asked-for.js";

/** An etcd that was running before, named by `ETCD_ENDPOINTS`: it can be used and not commanded. */
export class GivenServer implements EtcdServer {
  readonly name = "given by ETCD_ENDPOINTS";
  readonly pid = undefined;
  readonly log = "";
  readonly dataDir = undefined;
  readonly credentials = undefined;
  readonly #clients: Clients;

  private constructor(
    readonly endpoints: string[],
    readonly version: string,
  ) {
    this.#clients = new Clients({ endpoints, credentials: undefined, auth: undefined });
  }

  /** @param list one or more `host:port`, or `http://host:port`, with commas between */
  static async find(list: string): Promise<GivenServer> {
    const endpoints = list
      .split(",")
      .map((item) =>
        item
          .trim()
          .replace(/^http:\/\//, "")
          .replace(/\/$/, ""),
      )
      .filter((item) => item !== "");
    const failures: string[] = [];
    for (const endpoint of endpoints) {
      let version: string;
      try {
        version = await versionOf(endpoint);
      } catch (error) {
        failures.push(`${endpoint}: ${error instanceof Error ? error.message : error}`);
        continue;
      }
      checkVersion(version, `ETCD_ENDPOINTS=${list}`);
      return new GivenServer(endpoints, version);
    }
    throw new TestingError(
      "not-found",
      `no etcd answers at ETCD_ENDPOINTS=${list} (${failures.join("; ")})`,
    );
  }

  client(options?: ClientOptions): Etcd3 {
    return this.#clients.open(options);
  }

  async get(path: string): Promise<string> {
    const [endpoint = ""] = this.endpoints;
    const reply = await httpGet(endpoint, path, undefined, 5_000);
    if (reply.status === 200) return reply.body;
    throw new TestingError("not-running", `${endpoint}${path} said ${reply.status}: ${reply.body}`);
  }

  /** Closes the clients; the server goes on. */
  async stop(): Promise<void> {
    this.#clients.close();
  }

  async kill(): Promise<void> {
    throw notOurs("killed");
  }

  async pause(): Promise<void> {
    throw notOurs("paused");
  }

  resume(): void {
    throw notOurs("resumed");
  }

  async restart(): Promise<void> {
    throw notOurs("restarted");
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }
}

async function versionOf(endpoint: string): Promise<string> {
  const { body } = await httpGet(endpoint, "/version", undefined, 5_000);
  const { etcdserver } = JSON.parse(body) as { etcdserver: string };
  return etcdserver;
}

function notOurs(verb: string): TestingError {
  return new TestingError(
    "not-ours",
    `an etcd given by ETCD_ENDPOINTS cannot be ${verb}; startEtcd({ own: true }) starts one that can`,
  );
}
