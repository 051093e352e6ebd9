import { writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { join } from "node:path";
import type { SelfsignedOptions } from "selfsigned";
import type { ClientCredentials } from "./credentials.js";
import { type Check, checkFlag, checkOptions, mustBe } from "./options.js";

export interface TlsOptions {
  /** Whether clients must show a certificate too. Default false. */
  clientCert?: boolean | undefined;
}

const checkTlsKind = mustBe(
  "true, false or an object",
  (tls) => typeof tls === "boolean" || (typeof tls === "object" && tls !== null),
);

export const checkTls: Check = (tls, what) => {
  checkTlsKind(tls, what);
  if (typeof tls === "object") checkOptions<TlsOptions>(tls, { clientCert: checkFlag }, what);
};

/** A CA of its own, a certificate for servers, and what clients need. */
export interface Certificates {
  ca: string;
  cert: string;
  key: string;
  credentials: ClientCredentials;
}

const DAY_MS = 86_400_000;

/** @param hosts where clients reach the servers, besides 127.0.0.1 and localhost */
export async function makeCertificates(
  options: TlsOptions,
  hosts: string[],
): Promise<Certificates> {
  const ca = await certificate("etcdkit test CA", [
    { name: "basicConstraints", cA: true, critical: true },
    { name: "keyUsage", keyCertSign: true, cRLSign: true, critical: true },
  ]);
  const server = await certificate(
    "etcdkit test server",
    [
      { name: "keyUsage", digitalSignature: true, critical: true },
      // etcd calls itself with its own certificate, so that it is a client's too
      { name: "extKeyUsage", serverAuth: true, clientAuth: true },
      {
        name: "subjectAltName",
        altNames: [...new Set(["127.0.0.1", "localhost", ...hosts])].map(altName),
      },
    ],
    ca,
  );
  const made = { ca: ca.cert, cert: server.cert, key: server.private };
  const rootCertificate = Buffer.from(ca.cert);
  if (!options.clientCert) return { ...made, credentials: { rootCertificate } };
  const client = await certificate(
    "etcdkit test client",
    [
      { name: "keyUsage", digitalSignature: true, critical: true },
      { name: "extKeyUsage", clientAuth: true },
    ],
    ca,
  );
  const privateKey = Buffer.from(client.private);
  const certChain = Buffer.from(client.cert);
  return { ...made, credentials: { rootCertificate, privateKey, certChain } };
}

/** Puts a member's certificates into its folder, and returns the flags that name them. */
export async function installCertificates(folder: string, made: Certificates): Promise<string[]> {
  const file = (name: string) => join(folder, name);
  await writeFile(file("ca.crt"), made.ca);
  await writeFile(file("server.crt"), made.cert);
  await writeFile(file("server.key"), made.key, { mode: 0o600 });
  const args = [`--cert-file=${file("server.crt")}`, `--key-file=${file("server.key")}`];
  if (!made.credentials.certChain) return args;
  return [...args, "--client-cert-auth", `--trusted-ca-file=${file("ca.crt")}`];
}

function altName(host: string): { type: 7; ip: string } | { type: 2; value: string } {
  // one of IPv6 has brackets, since a port is to follow
  const ip = host.replace(/^\[|\]$/g, "");
  return isIP(ip) ? { type: 7, ip } : { type: 2, value: host };
}

async function certificate(
  commonName: string,
  extensions: NonNullable<SelfsignedOptions["extensions"]>,
  ca?: { private: string; cert: string },
): Promise<{ private: string; cert: string }> {
  // only for those who ask for TLS: it brings a global polyfill with it
  const { generate } = await import("selfsigned");
  return await generate([{ name: "commonName", value: commonName }], {
    keyType: "ec",
    algorithm: "sha256",
    // clocks of containers are not always in step
    notBeforeDate: new Date(Date.now() - DAY_MS),
    notAfterDate: new Date(Date.now() + 30 * DAY_MS),
    extensions,
    ...(ca && { ca: { key: ca.private, cert: ca.cert } }),
  });
}
