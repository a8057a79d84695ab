// Counts answers and their times for /metrics. Labels come from bounded sets: methods, declared routes, statuses.
import { histogramLines, metricLine } from "./prometheus-text.ts";

export interface HttpMetrics {
  /** `route` is a declared pattern, never a path as sent. */
  observe(method: string, route: string, status: number, durationMs: number): void;
  /** Prometheus text. */
  render(): string;
}

/** Upper bounds in seconds. */
const BOUNDS_S: readonly number[] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const BOUNDS_MS = BOUNDS_S.map((bound) => bound * 1_000);
/** More routes than any schema declares: a guard against a handler that names routes by what was sent. */
const ROUTES_MAX = 10_000;
const METHODS = new Set(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]);

interface RouteCounts {
  readonly method: string;
  readonly route: string;
  readonly statuses: Map<number, { answers: number }>;
  readonly buckets: number[];
  sumMs: number;
  count: number;
}

export function createHttpMetrics(): HttpMetrics {
  const byMethod = new Map<string, Map<string, RouteCounts>>();
  let routes = 0;
  const countsOf = (sentMethod: string, sentRoute: string): RouteCounts => {
    const found = byMethod.get(sentMethod)?.get(sentRoute);
    if (found !== undefined) return found;
    const method = METHODS.has(sentMethod) ? sentMethod : "other";
    const route = routes < ROUTES_MAX ? sentRoute : "other";
    let ofMethod = byMethod.get(method);
    if (ofMethod === undefined) byMethod.set(method, ofMethod = new Map());
    let counts = ofMethod.get(route);
    if (counts === undefined) {
      counts = { method, route, statuses: new Map(), buckets: BOUNDS_MS.map(() => 0), sumMs: 0, count: 0 };
      ofMethod.set(route, counts);
      routes++;
    }
    return counts;
  };
  return {
    observe(method, route, status, durationMs) {
      const counts = countsOf(method, route);
      const known = counts.statuses.get(status);
      if (known === undefined) counts.statuses.set(status, { answers: 1 });
      else known.answers++;
      counts.sumMs += durationMs;
      counts.count++;
      for (let index = 0; index < BOUNDS_MS.length; index++) {
        if (durationMs <= BOUNDS_MS[index]!) {
          counts.buckets[index]!++;
          break;
        }
      }
    },
    render() {
      const all = [...byMethod.values()].flatMap((ofMethod) => [...ofMethod.values()]);
      const lines = ["# HELP ambit_http_requests_total Answers sent.", "# TYPE ambit_http_requests_total counter"];
      for (const { method, route, statuses } of all) {
        for (const [status, { answers }] of statuses) lines.push(metricLine("ambit_http_requests_total", { method, route, status: String(status) }, answers));
      }
      lines.push("# HELP ambit_http_request_duration_seconds Time from the request's head to its answer.", "# TYPE ambit_http_request_duration_seconds histogram");
      for (const counts of all) {
        lines.push(...histogramLines("ambit_http_request_duration_seconds", { method: counts.method, route: counts.route }, {
          bounds: BOUNDS_S, buckets: counts.buckets, sum: counts.sumMs / 1_000, count: counts.count,
        }));
      }
      return `${lines.join("\n")}\n`;
    },
  };
}
