import { unpackPackages } from "../../src/debian-packages.js";

// fetches the distribution's etcd into the folder it is given, as whoever runs it
const [, , folder = ""] = process.argv;
await unpackPackages(undefined, folder);
