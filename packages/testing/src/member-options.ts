import { type AuthOptions, checkAuth } from "./auth.js";
import { checkTls, type TlsOptions } from "./certificates.js";
import { type Checks, checkFlag, checkList, checkMs, checkText, checkWord } from "./options.js";

/** How members are to be started. */
export interface MemberOptions {
  /** Exactly this version, such as `3.4.23`. Default: whichever `findEtcd()` gives. */
  version?: string | undefined;
  /** Flags to add, such as `["--max-txn-ops=256"]`. Given last, so that they win. */
  args?: string[] | undefined;
  /** Encrypt what clients say, with certificates made on the spot. Default false. */
  tls?: boolean | TlsOptions | undefined;
  /** Turn authentication on, with these users. Default: everyone may do everything. */
  auth?: AuthOptions | undefined;
  /**
   * Whether etcd waits for the disk at each write. Default false where etcd can do without (3.5 and
   * later): writes then survive the death of the process, SIGKILL too, but not of the machine.
   */
  fsync?: boolean | undefined;
  /** Bound of the wait until it is ready, in milliseconds. Default 20,000. */
  readyTimeoutMs?: number | undefined;
}

export const memberChecks: Checks<MemberOptions> = {
  version: checkWord,
  args: checkList(checkText),
  tls: checkTls,
  auth: checkAuth,
  fsync: checkFlag,
  readyTimeoutMs: checkMs(1),
};
