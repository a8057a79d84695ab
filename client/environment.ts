// All that the client takes from where it runs: requests, sockets, time, chance. The only file that names globals, so that tests hand in their own.

/** The part of a WebSocket that is used. */
export interface SocketLike {
  send(text: string): void;
  close(code?: number, reason?: string): void;
  addEventListener(type: "open" | "error", listener: () => void): void;
  addEventListener(type: "message", listener: (event: { readonly data: unknown }) => void): void;
  addEventListener(type: "close", listener: (event: { readonly code: number; readonly reason: string }) => void): void;
}

export type SocketConstructor = new (url: string) => SocketLike;
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface Environment {
  readonly fetch: Fetch;
  openSocket(url: string): SocketLike;
  now(): number;
  /** Calls back once; the returned function cancels it. */
  schedule(delayMs: number, callback: () => void): () => void;
  /** In [0, 1). */
  random(): number;
  /** 128 bits that nobody guesses, as text. */
  key(): string;
  /** Calls back when the machine says that it has a network again; the returned function ends it. */
  onOnline(callback: () => void): () => void;
}

export interface Platform {
  readonly fetch?: Fetch | undefined;
  readonly WebSocket?: SocketConstructor | undefined;
}

const KEY_BYTES = 16;

/** Of a browser, Node, Bun or Deno. */
export function platform(given: Platform): Environment {
  const target = globalThis as { readonly WebSocket?: SocketConstructor; addEventListener?: (type: string, listener: () => void) => void; removeEventListener?: (type: string, listener: () => void) => void };
  return {
    fetch: given.fetch ?? ((url, init) => globalThis.fetch(url, init)),
    openSocket(url) {
      const Constructor = given.WebSocket ?? target.WebSocket;
      if (Constructor === undefined) throw new TypeError("There is no WebSocket here: give one as `connect({ WebSocket })`.");
      return new Constructor(url);
    },
    now: () => Date.now(),
    schedule(delayMs, callback) {
      const timer = setTimeout(callback, delayMs);
      return () => clearTimeout(timer);
    },
    random: () => Math.random(),
    key: () => Array.from(crypto.getRandomValues(new Uint8Array(KEY_BYTES)), (byte) => byte.toString(16).padStart(2, "0")).join(""),
    onOnline(callback) {
      target.addEventListener?.("online", callback);
      return () => target.removeEventListener?.("online", callback);
    },
  };
}
