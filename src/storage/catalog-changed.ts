// What whoever works by an older catalog is told, once the data have the shape of another one.
import { type AmbitError, fault } from "../base/error.ts";

/** The cause of the refusal: nothing was written; the same request may be done by the app of the new catalog. */
export class CatalogChanged extends Error {
  override readonly name = "CatalogChanged";
}

export function catalogChanged(): AmbitError {
  return fault("TRANSACTION_CONFLICT", "The schema of the app changed meanwhile.", { retryAfterS: 1, cause: new CatalogChanged("prepared for another catalog") });
}
