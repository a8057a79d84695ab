// What errors look like on a terminal.
import { expect, test } from "bun:test";
import { fault } from "../base/error.ts";
import { createOutput } from "./output.ts";

function shown(json: boolean, error: Parameters<ReturnType<typeof createOutput>["error"]>[0]): { out: string; err: string } {
  const text = { out: "", err: "" };
  createOutput(json, { out: (part) => { text.out += part; }, err: (part) => { text.err += part; }, terminal: false }).error(error);
  return text;
}

test("an error about several things shows each with its fix", () => {
  const error = fault("MIGRATION_NEEDED", "No.", { details: [{ table: "T", field: "a", message: "T.a changed.", fix: "Keep it." }, { table: "T", field: null, message: "T went.", fix: "Keep T." }], fix: "Follow the details." });
  expect(shown(false, error)).toEqual({ out: "", err: "error MIGRATION_NEEDED: No.\n  - T.a changed.\n    fix: Keep it.\n  - T went.\n    fix: Keep T.\n  fix: Follow the details.\n" });
  expect(JSON.parse(shown(true, error).out)).toMatchObject({ code: "MIGRATION_NEEDED", details: [{ field: "a" }, { field: null }] });
});

test("a fix that only repeats those of the parts is told once", () => {
  const details = [{ message: "T.a changed.", fix: "Keep it." }, { message: "T went.", fix: "Keep T." }];
  expect(shown(false, fault("MIGRATION_NEEDED", "No.", { details, fix: "T.a: Keep it. T: Keep T." })).err).toBe("error MIGRATION_NEEDED: No.\n  - T.a changed.\n    fix: Keep it.\n  - T went.\n    fix: Keep T.\n");
});

test("details of other kinds are for machines", () => {
  for (const details of ["text", { a: 1 }, [1, null, { message: 1 }]]) {
    expect(shown(false, fault("CONFLICT", "No.", { details, fix: "Do." })).err).toBe("error CONFLICT: No.\n  fix: Do.\n");
  }
});
