import { TestingError } from "./errors.js";

/** The version that `ETCD_VERSION` asks for, such as `3.4.23`; `undefined`: any. */
export function versionAskedFor(): string | undefined {
  return process.env.ETCD_VERSION?.replace(/^v/, "") || undefined;
}

/**
 * A test run that is told to try one version must not pass on another in silence.
 *
 * @param given where the etcd of this `version` comes from, as the user said it
 * @throws {TestingError} `not-found`
 */
export function checkVersion(version: string, given: string): void {
  const asked = versionAskedFor();
  if (asked === undefined || asked === version) return;
  throw new TestingError(
    "not-found",
    `${given} is etcd ${version}, and ETCD_VERSION asks for ${asked}: unset one of the two`,
  );
}
