import { expect, test } from "bun:test";
import { positionText, readPosition } from "./wire-position.ts";

test("a position comes back from its text, and nothing else is one", () => {
  for (const position of [0, 1, 42, Number.MAX_SAFE_INTEGER]) {
    expect(readPosition(positionText("00ff00ff00ff", position))).toEqual({ epoch: "00ff00ff00ff", partition: 0, position });
  }
  for (const text of ["", "42", "00ff00ff00ff.0", "00ff00ff00ff.0.", "00ff00ff00ff.0.01", "00ff00ff00ff.0.-1", "00FF00ff00ff.0.1", "00ff00ff00ff.1.1", "00ff00ff00ff.0.9007199254740993", " 00ff00ff00ff.0.1"]) {
    expect(readPosition(text)).toBeNull();
  }
});
