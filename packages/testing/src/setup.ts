import type { TestProject } from "vitest/node";
import { startEtcd } from "./start-etcd.js";
import type { SharedEtcd } from "./vitest.js";

/**
 * A global setup for vitest: one etcd for the whole run, or the one `ETCD_ENDPOINTS` names. In a
 * workspace every project may have it: the first one to run starts the server for all.
 */
export default async function setup(
  project: TestProject,
): Promise<(() => Promise<void>) | undefined> {
  // what the root provides, every project sees
  const root = project.vitest.getRootProject();
  const provided: Partial<{ etcd: SharedEtcd }> = root.getProvidedContext();
  if (provided.etcd) return undefined;
  const server = await startEtcd();
  root.provide("etcd", { endpoints: server.endpoints, version: server.version });
  return () => server.stop();
}
