// What whoever works by an older catalog is told, once the data have the shape of another one.
import { AmbitError, fault } from "../base/error.ts";

/** The cause of the refusal: nothing was written; the same request may be done by the app of the new catalog. */
export class CatalogChanged extends Error {
  override readonly name = "CatalogChanged";
}

/** Of what may have had effects before it: it is not to be done again by itself. */
export function withoutRepetition(error: unknown): unknown {
  return isCatalogChanged(error) ? fault("TRANSACTION_CONFLICT", "The schema of the app changed meanwhile.", { retryAfterS: 1 }) : error;
}

export function isCatalogChanged(error: unknown): boolean {
  return error instanceof AmbitError && error.extras.cause instanceof CatalogChanged;
}

export function catalogChanged(): AmbitError {
  return fault("TRANSACTION_CONFLICT", "The schema of the app changed meanwhile.", { retryAfterS: 1, cause: new CatalogChanged("prepared for another catalog") });
}
