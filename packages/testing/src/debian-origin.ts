import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { aptSources } from "./apt-sources.js";
import { suiteOf } from "./debian-pins.js";

/** Where the distribution has its etcd: one line of apt's sources. */
export interface Origin {
  base: string;
  suite: string;
  components: string[];
  /** `undefined` for the keys that apt trusts anyway. */
  keyring: string | undefined;
}

const KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg";
// a system may follow these names in place of a release's own
const ALIASES = ["oldstable", "stable", "testing", "unstable", "sid"];

/**
 * Found from what this system is set up with, so that a mirror it uses is used here too.
 *
 * @param version `undefined` for the etcd of this system's own release
 */
export async function origin(
  version: string | undefined,
  files: { osRelease: string; apt: string },
): Promise<Origin> {
  const os = await readFile(files.osRelease, "utf8").catch(() => "");
  const field = (name: string) => new RegExp(`^${name}="?([^"\n]*)`, "m").exec(os)?.[1];
  const id = field("ID") ?? process.platform;
  const names = [field("VERSION_CODENAME"), ...(id === "debian" ? ALIASES : [])];
  for (const source of await aptSources(files.apt)) {
    const own = source.suites.find((suite) => names.includes(suite));
    // Ubuntu has its etcd in universe
    const section = id === "ubuntu" ? "universe" : "main";
    if (own === undefined || !source.components.includes(section)) continue;
    const keyring =
      source.keyring ?? (id === "debian" && existsSync(KEYRING) ? KEYRING : undefined);
    if (version === undefined) return { ...source, suite: own, keyring };
    const suite = id === "debian" ? suiteOf[version] : undefined;
    if (suite === undefined)
      throw new Error(`no release of ${id} is known to have etcd ${version}`);
    return { ...source, suite, components: ["main"], keyring };
  }
  throw new Error(`this is no Debian or Ubuntu with package sources, but ${id}`);
}
