// Loaded by `bun test` before an app's tests: answers `ambit` and `ambit/test` from this runtime.
import * as ambit from "../index.ts";
import * as testing from "./test-app.ts";

Bun.plugin({
  name: "ambit",
  setup(build) {
    build.module("ambit", () => ({ exports: ambit, loader: "object" }));
    build.module("ambit/test", () => ({ exports: testing, loader: "object" }));
  },
});
