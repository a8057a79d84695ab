// The text format of Prometheus 0.0.4. Knows nothing of what is measured.

export interface Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Observations between the bound before and this one; those above the last are only in `count`. */
  readonly buckets: readonly number[];
  readonly sum: number;
  readonly count: number;
}

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

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
