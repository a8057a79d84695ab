// Claims that each token has anew. Where no rule names them they tell nobody from themselves, so that whoever renews a token goes on as who
// they were: with the same cached answers and the same followed queries.
import type { ExpressionBook } from "../expression/expression-book.ts";
import { someIn } from "../expression/inspect.ts";

const RENEWED: readonly string[] = ["exp", "iat", "jti", "nbf"];

/** Those that no rule of the app can look at. */
export function volatileClaims(book: ExpressionBook): readonly string[] {
  const named = new Set<string>();
  for (const expression of book.expressions()) {
    someIn(expression, (part) => {
      if (part.op !== "variable" || part.root !== "auth" || part.path[0] !== "claims") return false;
      // All of them at once, or by a name that is worked out.
      for (const name of part.path[1] === undefined ? RENEWED : [part.path[1]]) named.add(name);
      return false;
    });
  }
  return RENEWED.filter((name) => !named.has(name));
}
