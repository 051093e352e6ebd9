import type { TestProject } from "vitest/node";
import { startEtcd } from "./start-etcd.js";
import type { SharedEtcd } from "./vitest.js";

/**
 * A global setup for vitest: one etcd for the whole run, or the one `ETCD_ENDPOINTS` names. In a
 * workspace, a project whose root has it already shares the root's.
 */
export default async function setup(project: TestProject): Promise<(() => Promise<void>) | undefined> {
  const provided: Partial<{ etcd: SharedEtcd }> = project.getProvidedContext();
  if (provided.etcd) return undefined;
  const server = await startEtcd();
  const { endpoints, version } = server;
  project.provide("etcd", { endpoints, version });
  return () => server.stop();
}
