import { createRequire } from "node:module";

// A bundler's CommonJS knows no import.meta. etcd3 stays outside of bundles: it reads its proto files from its own folder.
const { resolve } = createRequire(import.meta.url ?? __filename);

/**
 * The copy of grpc-js that etcd3 runs on. One copy does not take what another made, and npm installs a second where the application has
 * a grpc-js of its own.
 */
export const grpc = createRequire(resolve("etcd3"))(
  "@grpc/grpc-js",
) as typeof import("@grpc/grpc-js");
