import { EtcdFailure, type StreamEvents } from "@etcdkit/core/internal";
import type { Link } from "./link.js";
import type { SimulatedMember } from "./member.js";
import type { SimulatedProcess } from "./process.js";

/** The member's end of a stream. */
export interface StreamServer<Request> {
  request(request: Request): void;
  closed(): void;
}

/** A stream between a client and a member: messages of one direction keep their order, whatever befalls them. */
export class SimulatedStream<Request, Reply> {
  readonly #process: SimulatedProcess;
  readonly #member: SimulatedMember;
  readonly #link: Link;
  readonly #events: StreamEvents<Reply>;
  #server: StreamServer<Request> | undefined;
  #lastUp = 0;
  #lastDown = 0;
  /** The client wants no more of it, or was told of its end. */
  #over = false;
  #ending = false;
  #forget: () => void = () => undefined;

  constructor(
    way: { process: SimulatedProcess; member: SimulatedMember; link: Link },
    events: StreamEvents<Reply>,
    serve: (stream: SimulatedStream<Request, Reply>) => StreamServer<Request>,
  ) {
    this.#process = way.process;
    this.#member = way.member;
    this.#link = way.link;
    this.#events = events;
    const lost = (failure: EtcdFailure) => this.#end(failure);
    const forgetMember = this.#member.stream({ lost });
    const forgetLink = this.#link.stream(() =>
      lost(new EtcdFailure("unavailable", "the connection was reset")),
    );
    this.#forget = () => {
      forgetMember();
      forgetLink();
    };
    this.#up(() => {
      if (this.#ending) return;
      if (this.#member.led) this.#server = serve(this);
      else this.#end(new EtcdFailure("unavailable", "etcdserver: no leader"));
    });
  }

  /** From the client. */
  send(request: Request): void {
    if (!this.#over) this.#up(() => this.#server?.request(request));
  }

  /** By the client. */
  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#up(() => this.#close());
  }

  /** From the member. */
  reply(reply: Reply): void {
    if (this.#ending) return;
    this.#down(() => {
      if (!this.#over) this.#events.message(reply);
    });
  }

  #end(failure: EtcdFailure): void {
    if (this.#ending) return;
    this.#close();
    this.#down(() => {
      if (this.#over) return;
      this.#over = true;
      this.#events.end(failure);
    });
  }

  #close(): void {
    this.#ending = true;
    this.#forget();
    this.#server?.closed();
    this.#server = undefined;
  }

  #up(work: () => void): void {
    const { schedule } = this.#link;
    this.#lastUp = Math.max(this.#lastUp, schedule.now + this.#link.delayMs());
    schedule.at(this.#lastUp, () => {
      // a member that is down refuses
      if (this.#member.running) this.#member.arrive(work);
      else this.#end(new EtcdFailure("unavailable", "connection refused"));
    });
  }

  #down(work: () => void): void {
    const { schedule } = this.#link;
    this.#lastDown = Math.max(this.#lastDown, schedule.now + this.#link.delayMs());
    schedule.at(this.#lastDown, () => this.#process.deliver(work));
  }
}
