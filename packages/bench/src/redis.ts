import { Redis } from "ioredis";
import Redlock from "redlock";

/**
 * redlock on one Redis. Its promise is weaker: no fencing token, no line to wait in, a lock that outlives a failure of its Redis only by
 * luck, and time limits that rest on clocks. It is here to show what that costs less.
 */
export function redlock(endpoint = ""): Redlock {
  const [host, port] = endpoint.split(":");
  const redis = new Redis({ host: host ?? "", port: Number(port) });
  // the types of the two know nothing of each other
  const compatible = redis as unknown as Redlock.CompatibleRedisClient;
  // a waiter asks again every 200 ms, which is the default, and here without end
  return new Redlock([compatible], { retryCount: -1 });
}
