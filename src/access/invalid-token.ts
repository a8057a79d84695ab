// What every refused credential answers. Says nothing about which part failed beyond its message.
import { fault, type AmbitError } from "../base/error.ts";

export function invalidToken(message: string, cause?: unknown): AmbitError {
  return fault("INVALID_TOKEN", message, { headers: { "www-authenticate": 'Bearer error="invalid_token"' }, ...(cause === undefined ? {} : { cause }) });
}
