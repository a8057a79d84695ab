// A payment service with scripted answers: the card says which. Like real ones it remembers charges and refunds by Idempotency-Key.

export interface Charge {
  readonly id: string;
  readonly order: string;
  readonly amount: number;
  readonly currency: string;
  readonly card: string;
  refunded: boolean;
}

export interface PaymentServer {
  readonly url: string;
  /** Accepted ones, each once. */
  readonly charges: readonly Charge[];
  /** The keys of the refunds that were asked for, as often as they were. */
  readonly refundKeys: readonly string[];
  /** While true, refunds are answered 503. */
  refusesRefunds: boolean;
  /** Requests that came in, accepted or not. */
  readonly requests: number;
  /** Resolves when a charge with `tok_held` has come in and waits. */
  held(): Promise<void>;
  /** Accepts the charges that wait. */
  release(): void;
  chargesOf(order: string): Charge[];
  /** A charge that nobody asked for here. */
  add(request: ChargeRequest): Charge;
  stop(): Promise<void>;
}

export interface ChargeRequest { readonly order: string; readonly amount: number; readonly currency: string; readonly card: string }

const SLOW_MS = 150;

/** Cards: `tok_ok`, `tok_declined`, `tok_slow`, `tok_held` (until `release`), `tok_broken` (500). */
export function startPaymentServer(): PaymentServer {
  const charges: Charge[] = [];
  const refundKeys: string[] = [];
  const byKey = new Map<string, Charge>();
  let requests = 0;
  let releases: (() => void)[] = [];
  let wakes: (() => void)[] = [];

  const add = (request: ChargeRequest): Charge => {
    const accepted = { id: `ch_${charges.length + 1}`, ...request, refunded: false };
    charges.push(accepted);
    return accepted;
  };

  const charge = async (key: string, request: ChargeRequest): Promise<Response> => {
    if (request.card === "tok_declined") return Response.json({ error: "declined" }, { status: 402 });
    if (request.card === "tok_broken") return new Response("out of order", { status: 500 });
    const accepted = byKey.get(key) ?? add(request);
    byKey.set(key, accepted);
    if (request.card === "tok_slow") await Bun.sleep(SLOW_MS);
    if (request.card === "tok_held") {
      await new Promise<void>((resolve) => {
        releases.push(resolve);
        for (const wake of wakes) wake();
        wakes = [];
      });
    }
    return Response.json({ id: accepted.id }, { status: 201 });
  };

  const server = Bun.serve({
    hostname: "127.0.0.1", port: 0,
    async fetch(request) {
      requests += 1;
      const { pathname } = new URL(request.url);
      const refund = /^\/charges\/([^/]+)\/refund$/.exec(pathname);
      const key = request.headers.get("idempotency-key");
      if (request.method !== "POST" || key === null) return new Response(null, { status: 400 });
      if (pathname === "/charges") return charge(key, await request.json() as ChargeRequest);
      const found = charges.find((one) => one.id === refund?.[1]);
      if (found === undefined) return new Response(null, { status: 404 });
      refundKeys.push(key);
      if (payment.refusesRefunds) return new Response(null, { status: 503 });
      found.refunded = true;
      return Response.json({ id: found.id });
    },
  });
  const payment: PaymentServer = {
    url: server.url.origin, charges, refundKeys, add, refusesRefunds: false,
    get requests() { return requests; },
    held: () => (releases.length > 0 ? Promise.resolve() : new Promise((resolve) => { wakes.push(resolve); })),
    release() {
      for (const one of releases) one();
      releases = [];
    },
    chargesOf: (order) => charges.filter((one) => one.order === order),
    stop: () => server.stop(true),
  };
  return payment;
}
