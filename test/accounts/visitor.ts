// Somebody at a browser, for tests of sign-in: keeps cookies as a browser does, says where its page is from.

export interface VisitorAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  /** The body as JSON; null where it is none. */
  readonly json: Json;
}
/** Loosely typed: what the test says of it is what it checks. */
interface Json { readonly [name: string]: Json & string }

export interface Asked {
  readonly body?: object;
  readonly headers?: { readonly [name: string]: string };
}

export class Visitor {
  readonly url: string;
  readonly cookies = new Map<string, string>();
  /** Of the page; null: no page, such as another program. */
  origin: string | null;

  constructor(url: string) {
    this.url = url;
    this.origin = url;
  }

  get(path: string, asked: Omit<Asked, "body"> = {}): Promise<VisitorAnswer> {
    return this.ask("GET", path, asked);
  }

  post(path: string, body: object = {}, asked: Omit<Asked, "body"> = {}): Promise<VisitorAnswer> {
    return this.ask("POST", path, { ...asked, body });
  }

  async ask(method: string, path: string, { body, headers = {} }: Asked = {}): Promise<VisitorAnswer> {
    const response = await fetch(path.startsWith("http") ? path : this.url + path, {
      method, redirect: "manual",
      headers: {
        ...(this.origin === null ? {} : { origin: this.origin }), ...(this.cookies.size === 0 ? {} : { cookie: this.cookie }),
        ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    for (const cookie of response.headers.getSetCookie()) this.#keep(cookie);
    const text = await response.text();
    return { status: response.status, headers: response.headers, text, json: parsed(text) };
  }

  get cookie(): string {
    return [...this.cookies].map(([name, value]) => `${name}=${value}`).join("; ");
  }

  #keep(line: string): void {
    const [pair = "", ...attributes] = line.split(";").map((part) => part.trim());
    const at = pair.indexOf("=");
    const [name, value] = [pair.slice(0, at), pair.slice(at + 1)];
    if (value === "" || attributes.some((one) => /^max-age=0$/i.test(one))) this.cookies.delete(name);
    else this.cookies.set(name, value);
  }
}

function parsed(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null as unknown as Json;
  }
}
