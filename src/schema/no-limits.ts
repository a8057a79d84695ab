// The limits of a value that has none.
import type { ValueLimits } from "./catalog.ts";

export const noLimits: ValueLimits = { length: null, range: null, pattern: null, currency: null, redact: [], sensitive: false, secret: false, untrusted: false };
