// The token of the client: given once, or asked for when it is needed and again when the server takes the old one no longer.

export type Token = string | null;
export type TokenSource = Token | (() => Token | Promise<Token>);

export class Credentials {
  readonly #source: TokenSource | undefined;
  #known: Token | undefined;
  #asking: Promise<Token> | null = null;

  constructor(source: TokenSource | undefined) {
    this.#source = source;
  }

  /** Another one may be had. */
  get isRenewable(): boolean {
    return typeof this.#source === "function";
  }

  current(): Promise<Token> {
    return this.#known === undefined ? this.#ask() : Promise.resolve(this.#known);
  }

  /** One that is not `refused`, as far as the app has another. Whoever asks meanwhile gets the same. */
  renewed(refused: Token): Promise<Token> {
    return this.#known !== undefined && this.#known !== refused ? Promise.resolve(this.#known) : this.#ask();
  }

  #ask(): Promise<Token> {
    return this.#asking ??= this.#fetched().finally(() => { this.#asking = null; });
  }

  async #fetched(): Promise<Token> {
    const source = this.#source;
    return this.#known = typeof source === "function" ? await source() : source ?? null;
  }
}
