// The lock file names what every platform installs. `npm ci` of npm 11 refuses one that leaves a platform's package out.
import { expect, test } from "bun:test";
import { readSource } from "./source-files.ts";

interface LockedPackage { readonly dependencies?: Record<string, string>; readonly optionalDependencies?: Record<string, string> }

test("what a locked package depends on is locked too", () => {
  const { packages } = JSON.parse(readSource("package-lock.json").text) as { packages: Record<string, LockedPackage> };
  const locked = new Set(Object.keys(packages));
  const missing = Object.entries(packages).flatMap(([place, { dependencies, optionalDependencies }]) => Object.keys({ ...dependencies, ...optionalDependencies })
    .filter((name) => !locked.has(`node_modules/${name}`) && !locked.has(`${place}/node_modules/${name}`)).map((name) => `${place} needs ${name}`));
  expect(missing).toEqual([]);
});
