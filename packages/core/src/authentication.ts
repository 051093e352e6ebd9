import type { Interceptor, Metadata } from "@grpc/grpc-js";
import { notSent } from "./etcd.js";
import { grpc } from "./grpc.js";

/** What etcd says of a token that it does not know, or not any more (api/v3rpc/rpctypes/error.go). */
export const INVALID_TOKEN = "etcdserver: invalid auth token";

/**
 * The token that the calls and streams of one member carry: asked for once, for all that wait for it, and kept until etcd refuses it.
 * etcd3 asks again for each call that was refused, and over a connection that the process shares and nobody closes: while that is half
 * open, no token comes.
 */
export class Authentication {
  readonly #ask: () => Promise<string>;
  #token: string | undefined;
  #metadata: Promise<Metadata> | undefined;

  constructor(ask: () => Promise<string>) {
    this.#ask = ask;
  }

  /** What a call or stream is to carry. Rejects where no token came; who comes later asks again. */
  metadata(): Promise<Metadata> {
    this.#metadata ??= this.#authenticate();
    return this.#metadata;
  }

  /** Until there is a token, but no longer than `ms`. The one that is asked for may still come, for whoever comes later. */
  async ready(ms: number): Promise<void> {
    if (this.#token !== undefined) return;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => reject(notSent("this member has given no token in time")), ms);
    });
    await Promise.race([this.metadata(), late]).finally(() => clearTimeout(timer));
  }

  /** Notices that a token was refused. Another may have taken its place since the call was sent: that one stays. */
  readonly interceptor: Interceptor = (options, nextCall) =>
    new grpc.InterceptingCall(nextCall(options), {
      start: (metadata, _, next) => {
        const [token] = metadata.get("token");
        next(metadata, {
          onReceiveStatus: (status, pass) => {
            if (status.details.includes(INVALID_TOKEN) && token === this.#token) this.#forget();
            pass(status);
          },
        });
      },
    });

  async #authenticate(): Promise<Metadata> {
    try {
      const token = await this.#ask();
      const metadata = new grpc.Metadata();
      metadata.set("token", token);
      this.#token = token;
      return metadata;
    } catch (error) {
      this.#forget();
      throw error;
    }
  }

  #forget(): void {
    this.#token = undefined;
    this.#metadata = undefined;
  }
}
