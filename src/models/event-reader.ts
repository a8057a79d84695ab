// Server-sent events out of a text that comes in parts of any size: each as soon as it is whole. One that no empty line ends has not been sent.

export interface StreamEvent { readonly event: string; readonly data: string }

export class EventReader {
  /** Of a line that has not ended. Joined once, so that a byte at a time costs no more. */
  #parts: string[] = [];
  #event = "";
  #data: string[] = [];

  /** Those that it completes. */
  *read(text: string): Generator<StreamEvent> {
    let from = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
      const line = this.#parts.join("") + text.slice(from, end);
      this.#parts = [];
      from = end + 1;
      const event = this.#line(line.endsWith("\r") ? line.slice(0, -1) : line);
      if (event !== null) yield event;
    }
    if (from < text.length) this.#parts.push(text.slice(from));
  }

  #line(line: string): StreamEvent | null {
    if (line.startsWith("data:")) this.#data.push(line.slice(5).replace(/^ /, ""));
    else if (line.startsWith("event:")) this.#event = line.slice(6).trim();
    if (line !== "") return null;
    const event = { event: this.#event, data: this.#data.join("\n") };
    const isEmpty = this.#data.length === 0;
    [this.#event, this.#data] = ["", []];
    return isEmpty ? null : event;
  }
}
