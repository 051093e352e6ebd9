import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** One place this system takes its packages from. */
export interface AptSource {
  /** Base address, as apt reads it. */
  base: string;
  suites: string[];
  components: string[];
  /** The keyring file this source is to be checked with, if it names one. */
  keyring: string | undefined;
}

/** The package sources this system is set up with, both of the deb822 and of the one-line format. */
export async function aptSources(folder = "/etc/apt"): Promise<AptSource[]> {
  const parts = await readdir(join(folder, "sources.list.d")).catch(() => []);
  const files = ["sources.list", ...parts.sort().map((name) => join("sources.list.d", name))];
  const found: AptSource[] = [];
  for (const file of files) {
    const text = await readFile(join(folder, file), "utf8").catch(() => "");
    if (file.endsWith(".sources")) found.push(...parseDeb822(text));
    else if (file.endsWith(".list")) found.push(...parseLines(text));
  }
  return found;
}

function parseDeb822(text: string): AptSource[] {
  const found: AptSource[] = [];
  for (const stanza of text.replace(/^#.*\n?/gm, "").split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    // a line that begins with a space goes on with the field before it
    for (const line of stanza.replace(/\n[ \t]+/g, " ").split("\n")) {
      const at = line.indexOf(":");
      if (at > 0) fields.set(line.slice(0, at).toLowerCase(), line.slice(at + 1).trim());
    }
    if (!words(fields.get("types")).includes("deb") || fields.get("enabled") === "no") continue;
    const keyring = fields.get("signed-by");
    for (const base of words(fields.get("uris"))) {
      found.push({
        base,
        suites: words(fields.get("suites")),
        components: words(fields.get("components")),
        // it may also hold a whole key in place of a file's name
        keyring: keyring?.startsWith("/") ? keyring : undefined,
      });
    }
  }
  return found;
}

function parseLines(text: string): AptSource[] {
  const found: AptSource[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)\s*([^#]*)/.exec(line);
    if (!match) continue;
    const [, options = "", base = "", suite = "", components] = match;
    const keyring = /\bsigned-by=(\/\S+)/i.exec(options)?.[1];
    found.push({ base, suites: [suite], components: words(components), keyring });
  }
  return found;
}

function words(text = ""): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}
