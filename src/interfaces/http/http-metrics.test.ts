import { expect, test } from "bun:test";
import { createHttpMetrics } from "./http-metrics.ts";
import { metricLine, statsText } from "./prometheus-text.ts";

test("counts by method, route and status, and times in cumulative buckets", () => {
  const metrics = createHttpMetrics();
  metrics.observe("GET", "/Product/{id}", 200, 0.4);
  metrics.observe("GET", "/Product/{id}", 200, 3);
  metrics.observe("GET", "/Product/{id}", 404, 20_000);
  const text = metrics.render();
  expect(text).toContain('ambit_http_requests_total{method="GET",route="/Product/{id}",status="200"} 2\n');
  expect(text).toContain('ambit_http_requests_total{method="GET",route="/Product/{id}",status="404"} 1\n');
  expect(text).toContain('_bucket{method="GET",route="/Product/{id}",le="0.0005"} 1\n');
  expect(text).toContain('_bucket{method="GET",route="/Product/{id}",le="0.005"} 2\n');
  expect(text).toContain('_bucket{method="GET",route="/Product/{id}",le="10"} 2\n');
  expect(text).toContain('_bucket{method="GET",route="/Product/{id}",le="+Inf"} 3\n');
  expect(text).toContain('_count{method="GET",route="/Product/{id}"} 3\n');
});

test("labels stay bounded whatever is sent", () => {
  const metrics = createHttpMetrics();
  for (let index = 0; index < 20_000; index++) metrics.observe(`M${index}`, `/r${index}`, 200, 1);
  const routes = new Set([...metrics.render().matchAll(/route="([^"]+)"/g)].map((match) => match[1]));
  expect(routes.size).toBeLessThanOrEqual(10_001);
  expect(metrics.render()).not.toContain('method="M1"');
});

test("label values are escaped, what is no metric is left out", () => {
  expect(metricLine("a", { b: 'x"y\\z\n' }, 1)).toBe('a{b="x\\"y\\\\z\\n"} 1');
  expect(statsText("ambit_", { commits_total: 3, queue_length: 0, "bad name": 1, broken: Number.NaN })).toBe(
    "# TYPE ambit_commits_total counter\nambit_commits_total 3\n# TYPE ambit_queue_length gauge\nambit_queue_length 0\n",
  );
});
