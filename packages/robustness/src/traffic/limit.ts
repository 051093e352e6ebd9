/**
 * Aborts after so long, or with one of `others`. Not `AbortSignal.any` over `AbortSignal.timeout`: in Node 20 that may be collected
 * before its time, and then never aborts.
 */
export function limit(ms: number, ...others: AbortSignal[]): AbortSignal {
  const controller = new AbortController();
  const late = () => new DOMException(`it took longer than ${ms} ms`, "TimeoutError");
  const timer = setTimeout(() => controller.abort(late()), ms);
  // it does not keep a process that has nothing else to do
  timer.unref();
  for (const other of others) {
    const abort = () => {
      clearTimeout(timer);
      controller.abort(other.reason);
    };
    if (other.aborted) abort();
    else other.addEventListener("abort", abort, { once: true, signal: controller.signal });
  }
  return controller.signal;
}
