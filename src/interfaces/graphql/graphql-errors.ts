// Errors of an answer: graphql-js's form, with our problem object in `extensions`. What nobody expected says an incident id only.
import type { GraphQLError } from "graphql";
import { GraphQLError as GraphQLProblem } from "graphql/error/GraphQLError";
import { AmbitError, fault, toProblem, type Problem } from "../../base/error.ts";
import { describeError, type Log } from "../../base/log.ts";

export interface GraphqlErrorObject {
  readonly message: string;
  readonly locations?: readonly { readonly line: number; readonly column: number }[];
  readonly path?: readonly (string | number)[];
  readonly extensions: Omit<Problem, "message">;
}

export interface ErrorContext { readonly requestId: string; readonly log: Log }

const MESSAGE_LENGTH_MAX = 500;

/** Of a request that was not executed. */
export function refusalObject(error: AmbitError, { requestId }: Pick<ErrorContext, "requestId">): GraphqlErrorObject {
  const { message, ...extensions } = toProblem(error, requestId);
  // A name of the document may be as long as the body.
  return { message: message.length > MESSAGE_LENGTH_MAX ? `${message.slice(0, MESSAGE_LENGTH_MAX).toWellFormed()}…` : message, extensions };
}

export function errorObject(error: GraphQLError, context: ErrorContext): GraphqlErrorObject {
  const { message, extensions } = refusalObject(meaningOf(error, context), context);
  return {
    message, ...(error.locations === undefined ? {} : { locations: error.locations.map(({ line, column }) => ({ line, column })) }),
    ...(error.path === undefined ? {} : { path: error.path }), extensions,
  };
}

function meaningOf(error: GraphQLError, { requestId, log }: ErrorContext): AmbitError {
  const { originalError } = error;
  if (originalError instanceof AmbitError) {
    if (originalError.status >= 500 && originalError.extras.cause !== undefined) log.error("request-failed", { requestId, code: originalError.code, ...describeError(originalError.extras.cause) });
    return originalError;
  }
  // Raised by graphql-js itself: of the document and its variables.
  if (originalError === undefined || originalError === null || originalError instanceof GraphQLProblem) return fault("INVALID_DOCUMENT", error.message);
  log.error("incident-occurred", { requestId, incident: requestId, ...describeError(originalError) });
  return fault("INTERNAL", `Unexpected fault. Incident ${requestId}.`, { details: { incident: requestId } });
}
