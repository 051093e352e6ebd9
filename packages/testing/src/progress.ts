/** The only thing this package ever prints: what it is about to download, since that takes a while. */
export function progress(text: string): void {
  process.stderr.write(`etcdkit: ${text}\n`);
}
