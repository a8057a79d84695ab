// The end of the process is the runtime's to decide: `process.exit` in app code would take every other request with it.
const exit = process.exit.bind(process) as (code?: number) => never;

/** For the runtime and its commands alone. */
export function exitProcess(code?: number): never {
  return exit(code);
}

/** From now on `process.exit` throws. Once is enough for a process; app code is loaded after it. */
export function forbidExit(): void {
  process.exit = () => {
    throw new Error("process.exit is not for app code");
  };
}
