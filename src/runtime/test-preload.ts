// Loaded by `bun test` before an app's tests: answers `ambit`, `ambit/test` and `ambit/client` from this package.
import * as client from "../../client/index.ts";
import * as ambit from "../index.ts";
import * as testing from "./test-app.ts";

Bun.plugin({
  name: "ambit",
  setup(build) {
    build.module("ambit", () => ({ exports: ambit, loader: "object" }));
    build.module("ambit/client", () => ({ exports: client, loader: "object" }));
    build.module("ambit/test", () => ({ exports: testing, loader: "object" }));
  },
});
