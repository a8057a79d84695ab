// A measured thing with labels, as /metrics shows it. Labels come from bounded sets.

export interface Histogram {
  /** Upper bounds, ascending. */
  readonly bounds: readonly number[];
  /** Observations between the bound before and this one; those above the last are only in `count`. */
  readonly buckets: readonly number[];
  readonly sum: number;
  readonly count: number;
}

export type Labels = Readonly<Record<string, string>>;

export type Metric =
  | { readonly kind: "counter" | "gauge"; readonly name: string; readonly help: string; readonly series: readonly { readonly labels: Labels; readonly value: number }[] }
  | { readonly kind: "histogram"; readonly name: string; readonly help: string; readonly series: readonly { readonly labels: Labels; readonly histogram: Histogram }[] };
