// The text format of Prometheus 0.0.4. Knows nothing of what is measured.
import type { Histogram, Metric } from "../../base/metric.ts";

export function metricLine(name: string, labels: Readonly<Record<string, string>>, value: number): string {
  const inside = Object.entries(labels).map(([label, text]) => `${label}="${escapeLabel(text)}"`).join(",");
  return `${name}${inside === "" ? "" : `{${inside}}`} ${value}`;
}

export function histogramLines(name: string, labels: Readonly<Record<string, string>>, histogram: Histogram): string[] {
  const lines: string[] = [];
  let below = 0;
  histogram.bounds.forEach((bound, index) => {
    below += histogram.buckets[index] ?? 0;
    lines.push(metricLine(`${name}_bucket`, { ...labels, le: String(bound) }, below));
  });
  lines.push(metricLine(`${name}_bucket`, { ...labels, le: "+Inf" }, histogram.count));
  lines.push(metricLine(`${name}_sum`, labels, histogram.sum), metricLine(`${name}_count`, labels, histogram.count));
  return lines;
}

/** Plain numbers: names that end in `_total` are counters, the rest gauges. What is no metric's name or no number is left out. */
export function statsText(prefix: string, stats: Readonly<Record<string, number>>): string {
  let text = "";
  for (const [name, value] of Object.entries(stats)) {
    if (!/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(name) || !Number.isFinite(value)) continue;
    text += `# TYPE ${prefix}${name} ${name.endsWith("_total") ? "counter" : "gauge"}\n${prefix}${name} ${value}\n`;
  }
  return text;
}

/** Those without a series are left out. */
export function metricsText(prefix: string, metrics: readonly Metric[]): string {
  return metrics.filter(({ series }) => series.length > 0).map((metric) => {
    const name = `${prefix}${metric.name}`;
    const lines = metric.kind === "histogram"
      ? metric.series.flatMap(({ labels, histogram }) => histogramLines(name, labels, histogram))
      : metric.series.map(({ labels, value }) => metricLine(name, labels, value));
    return `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.kind}\n${lines.join("\n")}\n`;
  }).join("");
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
