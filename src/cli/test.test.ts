// What fails beside the tests of a file is told with the file's name: the runner's report leaves it out.
import { expect, test } from "bun:test";
import { outsideTests } from "./test.ts";

const LINE = "-".repeat(31);
const said = `
a.test.ts:
(pass) ok [356.98ms]

b.test.ts:

# Unhandled error between tests
${LINE}
1 | x x
      ^
error: Expected ";" but found "x"
    at /app/b.test.ts:1:3
${LINE}


sub/c.test.ts:
(fail) one
# Unhandled error between tests
${LINE}
error: first
${LINE}

# Unhandled error between tests
${LINE}
error: second
${LINE}

 1 pass
 3 errors
`;

test("errors outside tests are failures of their file", () => {
  expect(outsideTests(said).map(({ test: name, file, status, message }) => ({ name, file, status, message }))).toEqual([
    { name: null, file: "b.test.ts", status: "failed", message: `1 | x x\n      ^\nerror: Expected ";" but found "x"\n    at /app/b.test.ts:1:3` },
    { name: null, file: "sub/c.test.ts", status: "failed", message: "error: first" },
    { name: null, file: "sub/c.test.ts", status: "failed", message: "error: second" },
  ]);
});

test("where all is well there is nothing to tell", () => expect(outsideTests("\na.test.ts:\n(pass) ok [1.00ms]\n\n 1 pass\n")).toEqual([]));
