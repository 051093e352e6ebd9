import { sharedEtcd } from "@etcdkit/testing/vitest";

/** Asks a service of etcd's in JSON, by its path, such as `lock/unlock`. Bytes are base64 there. */
export async function jsonService<Reply>(path: string, body: object): Promise<Reply> {
  const url = `http://${sharedEtcd().endpoints[0]}/v3/${path}`;
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as Reply;
}

export function toBytes(text: string): string {
  return Buffer.from(text).toString("base64");
}

export function fromBytes(bytes: string): string {
  return Buffer.from(bytes, "base64").toString();
}
