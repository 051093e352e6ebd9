import { listen } from "./listen.js";
import { checkOptions } from "./options.js";
import { freePort } from "./ports.js";
import { type ProxyOptions, proxyChecks } from "./proxy-options.js";
import { TcpProxy } from "./tcp-proxy.js";

const PORT_TRIES = 5;

/**
 * Starts a proxy before `target`, on a free port of 127.0.0.1. The target need not run yet.
 *
 * @throws TypeError for bad arguments
 * @throws Node's own error, such as `EADDRINUSE`, when none of several ports could be listened on
 */
export async function startProxy(options: ProxyOptions): Promise<TcpProxy> {
  checkOptions(options, proxyChecks);
  for (let attempt = 1; ; attempt++) {
    const port = await freePort();
    try {
      return new TcpProxy(options, port, await listen(port));
    } catch (error) {
      // another process took it in between
      if (attempt === PORT_TRIES) throw error;
    }
  }
}
