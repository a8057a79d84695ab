// For code that is synchronous where its parts are: goes on at once with a value, later with a promised one.

/** What `next` makes of the value. Throws, or rejects, as `next` does. */
export function whenReady<Value, Next>(value: Value | Promise<Value>, next: (value: Value) => Next | Promise<Next>): Next | Promise<Next> {
  return value instanceof Promise ? value.then(next) : next(value);
}
