import { EventEmitter, getMaxListeners, setMaxListeners } from "node:events";

/**
 * What `promise` gives, or a rejection with the signal's reason as soon as it aborts; then `abandoned` is told, and nobody
 * else hears what becomes of `promise`.
 */
export function unlessAborted<T>(
  promise: Promise<T>,
  signal: AbortSignal | undefined,
  abandoned: () => void = () => undefined,
): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const abort = () => {
      promise.catch(() => undefined);
      reject(signal.reason);
      abandoned();
    };
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

/** Throws a TypeError unless `signal` is absent or an AbortSignal, which may have any number of listeners from then on. */
export function checkSignal(signal: unknown): asserts signal is AbortSignal | undefined {
  if (signal === undefined) return;
  if (!(signal instanceof AbortSignal)) throw new TypeError("signal must be an AbortSignal");
  allowListeners(signal);
}

/** A controller for a signal that users get, which may have any number of listeners too. */
export function abortController(): AbortController {
  const controller = new AbortController();
  allowListeners(controller.signal);
  return controller;
}

/**
 * One signal may be given to every call of a process, and Node 20 tells of a leak where it has more than ten listeners. Later versions
 * have no such limit; one that the user set stays.
 */
function allowListeners(signal: AbortSignal): void {
  try {
    if (getMaxListeners(signal) !== EventEmitter.defaultMaxListeners) return;
    setMaxListeners(Number.POSITIVE_INFINITY, signal);
  } catch {
    // without a limit, or not one of Node's, as in jsdom
  }
}
