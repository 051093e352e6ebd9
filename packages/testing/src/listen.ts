import { createServer, type Server } from "node:net";

/** Listens at a port of 127.0.0.1. Each side of a connection may end on its own. */
export function listen(port: number): Promise<Server> {
  return new Promise((resolve, reject) => {
    const listener = createServer({ allowHalfOpen: true });
    listener.once("error", reject);
    listener.listen(port, "127.0.0.1", () => resolve(listener));
  });
}
