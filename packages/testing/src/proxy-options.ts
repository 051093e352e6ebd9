import { type Checks, checkFlag, checkFunction, checkOneOf, mustBe, required } from "./options.js";
import type { Direction } from "./proxy-pipe.js";

export interface ProxyOptions {
  /** `host:port` of the server. */
  target: string;
  /** Told of every chunk that was passed on, right after; a verb called in it acts at once. */
  onData?: ((chunk: Buffer, direction: Direction) => void) | undefined;
}

export interface StallOptions {
  /** Default `both`. */
  direction?: Direction | "both" | undefined;
  /**
   * Whether what is sent during the stall is lost. The connections that lost something are reset by
   * `resume()`. Default false: it is held, and arrives then.
   */
  discard?: boolean | undefined;
}

export interface BreakAfterOptions {
  /** Which way the chunk goes. Default `up`: a request. */
  direction?: Direction | undefined;
  /** Which chunk. Default: the next one. HTTP/2 bodies are plain: look for the key's bytes. */
  match?: ((chunk: Buffer) => boolean) | undefined;
  /**
   * What then happens. `reset` resets the live connections, `cut` does what `cut()` does: the
   * server may or may not have acted. `mute` loses all that comes back on that one connection,
   * until it is reset: the server acts, and the client never hears of it. Default `reset`.
   */
  how?: "reset" | "cut" | "mute" | undefined;
}

export const proxyChecks: Checks<ProxyOptions> = {
  target: required(mustBe('"host:port"', isEndpoint)),
  onData: checkFunction,
};

export const stallChecks: Checks<StallOptions> = {
  direction: checkOneOf("up", "down", "both"),
  discard: checkFlag,
};

export const breakAfterChecks: Checks<BreakAfterOptions> = {
  direction: checkOneOf("up", "down"),
  match: checkFunction,
  how: checkOneOf("reset", "cut", "mute"),
};

function isEndpoint(target: unknown): boolean {
  const [, port] = (typeof target === "string" && /^[^/]+:(\d+)$/.exec(target)) || [];
  return Number(port) >= 1 && Number(port) <= 65_535;
}
