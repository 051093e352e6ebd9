import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { ClientCredentials } from "./credentials.js";

export interface HttpReply {
  status: number;
  body: string;
}

/**
 * One GET to a member's own HTTP face (`/health`, `/version`, `/metrics`), with a bound.
 *
 * @param endpoint `host:port`
 * @param timeoutMs the bound for the whole call
 */
export function httpGet(
  endpoint: string,
  path: string,
  credentials: ClientCredentials | undefined,
  timeoutMs: number,
): Promise<HttpReply> {
  const signal = AbortSignal.timeout(timeoutMs);
  return new Promise((resolve, reject) => {
    const call = credentials
      ? httpsRequest(`https://${endpoint}${path}`, {
          ca: credentials.rootCertificate,
          ...(credentials.privateKey && { key: credentials.privateKey }),
          ...(credentials.certChain && { cert: credentials.certChain }),
          agent: false,
          signal,
        })
      : httpRequest(`http://${endpoint}${path}`, { agent: false, signal });
    call.once("error", reject);
    call.once("response", (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (text: string) => {
        body += text;
      });
      response.once("error", reject);
      response.once("end", () => resolve({ status: response.statusCode ?? 0, body }));
    });
    call.end();
  });
}
