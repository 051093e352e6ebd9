import { noop } from "cockatiel";
import { Etcd3 } from "etcd3";
import type { ClientCredentials } from "./credentials.js";
import type { ClientOptions } from "./etcd-server.js";

export interface ClientDefaults {
  endpoints: string[];
  credentials: ClientCredentials | undefined;
  auth: { username: string; password: string } | undefined;
}

/** The clients that were handed out, so that they can be closed together. */
export class Clients {
  #open = new Set<Etcd3>();

  constructor(readonly defaults: ClientDefaults) {}

  open(options: ClientOptions = {}): Etcd3 {
    const { endpoints, credentials, auth } = this.defaults;
    const client = new Etcd3({
      hosts: endpoints,
      ...(credentials && { credentials }),
      ...(auth && { auth }),
      // the default breakers block every call for 5 s after a fault, which is what tests are about
      faultHandling: { host: () => noop, global: noop },
      // channels shared through the global pool can stay stuck on a connection that is dead
      grpcOptions: {
        "grpc.use_local_subchannel_pool": 1,
        // Node deprecates a TLS server name that is an IP address, and warns of it
        ...(credentials && { "grpc.ssl_target_name_override": "localhost" }),
      },
      ...options,
    });
    this.#open.add(client);
    return client;
  }

  close(): void {
    for (const client of this.#open) client.close();
    this.#open.clear();
  }
}
