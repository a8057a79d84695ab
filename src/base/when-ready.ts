// For code that is synchronous where its parts are: goes on at once with a value, later with a promised one.

/** What `proceed` makes of the value. Throws, or rejects, as `proceed` does. */
export function whenReady<Value, Next>(value: Value | Promise<Value>, proceed: (value: Value) => Next | Promise<Next>): Next | Promise<Next> {
  return value instanceof Promise ? value.then((ready) => proceed(ready)) : proceed(value);
}
