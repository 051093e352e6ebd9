import { type Program, runProgram } from "@etcdkit/test-support/program";
import { endpoints } from "./file-etcd.js";

export type Step = "hold" | "hold unleased" | "wait" | "enter" | "leave" | "a word";

export interface ActorOptions {
  hosts: string[];
  name: string;
  /** One after the other. */
  steps: Step[];
  /** Of its session. */
  ttl: number;
  onHolderLost?: "release" | "fail";
  count?: number;
  /** How many take the steps, on one connection, each with a session of its own. Default 1. */
  members?: number;
}

/** What the program `actor` says. */
export interface ActorMessage {
  step: Step;
  what: "begun" | "done" | "failed";
  error?: string;
}

/** A process that takes these steps, and stays. */
export function startActor(
  options: Omit<ActorOptions, "hosts"> & { hosts?: string[] },
): Program<ActorMessage> {
  return runProgram<ActorMessage>(new URL("programs/actor.ts", import.meta.url), {
    hosts: endpoints(),
    ...options,
  });
}

/** What its step `a word` waits for. */
export function giveWord(actor: Program<ActorMessage>): void {
  actor.process.stdin?.write("go on\n");
}

/** Resolves with what it said: that the step has begun (for `wait`: it would hear of a release), is done, or why it failed. */
export async function said(
  actor: Program<ActorMessage>,
  step: Step,
  begun = false,
): Promise<string> {
  const wanted = (message: ActorMessage) =>
    message.step === step && (begun || message.what !== "begun");
  const message = await actor.message(wanted, 20_000);
  return message.error ?? message.what;
}
