import { freePorts } from "../../src/ports.js";

// prints the ports that a process of its own is given
process.stdout.write(JSON.stringify(await freePorts(Number(process.argv[2]))));
