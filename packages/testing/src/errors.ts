/**
 * What went wrong:
 *
 * - `not-found`: no etcd could be found or fetched, and the message names every way that was tried; or
 *   the one that was given is not the version that was asked for
 * - `bad-checksum`: a fetched archive is not the one that was published; it was thrown away
 * - `start-failed`: etcd did not become ready, and the message carries its log; or one of its ports is
 *   taken, or its users could not be made, and the message says so
 * - `not-ours`: the etcd was given by `ETCD_ENDPOINTS`, so it cannot be stopped, paused or restarted
 * - `not-running`: the verb needs a running member, and this one is stopped or killed
 * - `timed-out`: a condition did not come about within its bound
 */
export type TestingErrorCode =
  | "not-found"
  | "bad-checksum"
  | "start-failed"
  | "not-ours"
  | "not-running"
  | "timed-out";

/** The one error class of this package; tell the cases apart by {@link TestingError.code}. */
export class TestingError extends Error {
  override readonly name = "TestingError";
  readonly code: TestingErrorCode;

  constructor(code: TestingErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
