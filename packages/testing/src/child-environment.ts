/** The environment of every etcd that this package runs, be it only for its version. */
export function childEnvironment(): NodeJS.ProcessEnv {
  // etcd reads every flag from ETCD_* too: what is meant for this package must not reach it
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("ETCD_"));
  // 3.4 refuses to run there without it, even to say its version
  const arch = process.arch === "arm64" ? { ETCD_UNSUPPORTED_ARCH: "arm64" } : {};
  return { ...Object.fromEntries(own), ...arch };
}
