import { closeSync, openSync, writeSync } from "node:fs";
import { now } from "../model/clock.js";
import type { Detail, OperationKind, Outcome, TrafficRecord } from "../model/record.js";
import { outcomeOf } from "./outcome.js";

/** How a call went, by its own account; what else can be said of it; and what it gave. */
export interface Account<T> {
  readonly outcome: Outcome;
  readonly detail?: Detail;
  readonly value?: T;
}

/** Writes down what this process does, line by line and at once, so that nothing is lost when it is killed. */
export class Recorder {
  readonly #file: number;
  #operations = 0;
  #others = 0;
  readonly #pending = new Map<number, string>();

  constructor(path: string) {
    this.#file = openSync(path, "a");
  }

  /** A number that no belief or observation of this process has yet. */
  next(): number {
    return ++this.#others;
  }

  /** What was begun and has not ended. */
  get pending(): string[] {
    return [...this.#pending.values()];
  }

  /** Records a call from its begin to its end. Never rejects: `undefined` where it did not come to a value. */
  async operation<T>(
    call: {
      kind: OperationKind;
      name: string;
      detail?: Detail;
      signal?: AbortSignal | undefined;
      /** For calls that promise nothing of their errors: etcd3's own writes. */
      otherwise?: Outcome;
    },
    act: () => Promise<Account<T>>,
  ): Promise<T | undefined> {
    const { kind, name, detail, signal, otherwise = "unexpected" } = call;
    const op = ++this.#operations;
    this.#pending.set(op, `${kind} ${name}`);
    this.write({ what: "begin", op, at: now(), kind, name, ...(detail && { detail }) });
    let account: Account<T>;
    try {
      account = await act();
    } catch (error) {
      const outcome = outcomeOf(error, signal) ?? otherwise;
      account = { outcome, detail: { error: `${error}` } };
    }
    const { outcome, detail: more, value } = account;
    this.write({ what: "end", op, at: now(), outcome, ...(more && { detail: more }) });
    this.#pending.delete(op);
    return value;
  }

  write(record: TrafficRecord): void {
    writeSync(this.#file, `${JSON.stringify(record)}\n`);
  }

  close(): void {
    closeSync(this.#file);
  }
}
