import type { Etcd3 } from "etcd3";
import { type ClientDefaults, Clients } from "./clients.js";
import type { ClientCredentials } from "./credentials.js";
import { TestingError } from "./errors.js";
import type { ClientOptions, EtcdServer } from "./etcd-server.js";
import { httpGet } from "./http-get.js";
import type { Member } from "./member.js";

/** A member that this process started. */
export class LocalServer implements EtcdServer {
  readonly #member: Member;
  readonly #clients: Clients;
  /** Settles with the last restart that was asked for, however that ends. */
  #restarted: Promise<unknown> = Promise.resolve();
  #stopping: Promise<void> | undefined;

  constructor(
    member: Member,
    readonly version: string,
    defaults: ClientDefaults,
  ) {
    this.#member = member;
    this.#clients = new Clients(defaults);
  }

  get name(): string {
    return this.#member.plan.name;
  }

  get endpoints(): string[] {
    return [...this.#clients.defaults.endpoints];
  }

  get credentials(): ClientCredentials | undefined {
    return this.#clients.defaults.credentials;
  }

  get pid(): number | undefined {
    return this.#member.pid;
  }

  get dataDir(): string {
    return this.#member.plan.folder;
  }

  get log(): string {
    return this.#member.log;
  }

  client(options?: ClientOptions): Etcd3 {
    if (this.#stopping) throw new TestingError("not-running", `${this.name} was stopped for good`);
    return this.#clients.open(options);
  }

  async get(path: string): Promise<string> {
    const { endpoint } = this.#member.plan;
    const reply = await httpGet(endpoint, path, this.credentials, 5_000);
    if (reply.status === 200) return reply.body;
    throw new TestingError("not-running", `${endpoint}${path} said ${reply.status}: ${reply.body}`);
  }

  stop(): Promise<void> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  kill(): Promise<void> {
    return this.#member.kill();
  }

  pause(): Promise<void> {
    return this.#member.pause();
  }

  resume(): void {
    this.#member.resume();
  }

  restart(): Promise<void> {
    const back = this.#restarted.then(() => this.#restart());
    this.#restarted = back.catch(() => undefined);
    return back;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #restart(): Promise<void> {
    if (this.#stopping) throw new TestingError("not-running", `${this.name} was stopped for good`);
    await this.#member.terminate();
    await this.#member.start();
  }

  async #stop(): Promise<void> {
    this.#clients.close();
    this.#member.retire();
    await this.#restarted;
    await this.#member.terminate();
    await this.#member.remove();
  }
}
