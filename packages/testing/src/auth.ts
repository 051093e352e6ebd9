import { type Etcd3, Range } from "etcd3";
import {
  type Check,
  type Checks,
  checkCount,
  checkList,
  checkOneOf,
  checkOptions,
  checkText,
  checkWord,
  required,
} from "./options.js";

/** A user, and the one role it has: what it may do to the keys below a prefix. */
export interface AuthUser {
  name: string;
  password: string;
  /** The keys the user may touch; `""` stands for all. */
  prefix: string;
  /** Default `Readwrite`. */
  permission?: "Read" | "Write" | "Readwrite" | undefined;
}

export interface AuthOptions {
  /** Default `root`. */
  rootPassword?: string | undefined;
  /** Users besides root. Default none. */
  users?: AuthUser[] | undefined;
  /** How long a token is good for after its last use, in seconds. Default etcd's: 300. */
  tokenTtlSeconds?: number | undefined;
}

const userChecks: Checks<AuthUser> = {
  name: required(checkWord),
  password: required(checkText),
  prefix: required(checkText),
  permission: checkOneOf("Read", "Write", "Readwrite"),
};

const authChecks: Checks<AuthOptions> = {
  rootPassword: checkText,
  users: checkList((user, what) => checkOptions(user, userChecks, what)),
  tokenTtlSeconds: checkCount,
};

export const checkAuth: Check = (auth, what) => {
  if (auth !== undefined) checkOptions(auth, authChecks, what);
};

/** Root, as a client logs in. */
export function rootOf(auth: AuthOptions): { username: string; password: string } {
  return { username: "root", password: auth.rootPassword ?? "root" };
}

/** Flags a member needs for it. */
export function authArgs(auth: AuthOptions): string[] {
  return [
    // the default makes each log-in cost about 70 ms of CPU, which tests gain nothing from
    "--bcrypt-cost=4",
    ...(auth.tokenTtlSeconds === undefined ? [] : [`--auth-token-ttl=${auth.tokenTtlSeconds}`]),
  ];
}

/**
 * Whether it is on already, as in a data folder that was started from before.
 *
 * @param asRoot a client that logs in as root
 */
export async function isAuthOn(asRoot: Etcd3): Promise<boolean> {
  try {
    await asRoot.user("root").roles();
    return true;
  } catch (error) {
    const off = error instanceof Error && error.message.includes("authentication is not enabled");
    if (off) return false;
    throw error;
  }
}

/** Makes root and the users, and turns authentication on. */
export async function enableAuth(client: Etcd3, auth: AuthOptions): Promise<void> {
  const { username, password } = rootOf(auth);
  await client.user(username).create(password);
  await client.role("root").create();
  await client.user(username).addRole("root");
  for (const user of auth.users ?? []) {
    await client.role(user.name).create();
    await client.role(user.name).grant({
      permission: user.permission ?? "Readwrite",
      range: Range.prefix(user.prefix),
    });
    await client.user(user.name).create(user.password);
    await client.user(user.name).addRole(user.name);
  }
  await client.auth.authEnable();
}
