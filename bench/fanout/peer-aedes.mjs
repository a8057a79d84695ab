// A peer of bench/fanout: the MQTT broker aedes on Node.
import { createServer } from "node:net";
import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
const [, , port, peers] = process.argv;
const path = createRequire(`${peers}/package.json`).resolve("aedes");
const found = await import(pathToFileURL(path).href);
const { Aedes } = found.Aedes === undefined ? found.default : found;
const broker = Aedes.createBroker === undefined ? new Aedes() : await Aedes.createBroker();
createServer(broker.handle).listen(Number(port), "127.0.0.1");
