// Medians, ranges and ratios of what bench/fanout measures, as text.

export interface Measured { readonly perSecond: number; readonly perCpuSecond: number }

export function median(values: readonly number[]): number {
  return values.toSorted((left, right) => left - right)[Math.floor(values.length / 2)] ?? Number.NaN;
}

/** Of a sorted or unsorted list, `part` from 0 to 1. */
export function quantile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN;
}

export function perSecondText(results: readonly Measured[], what: keyof Measured): string {
  if (results.length === 0) return "-";
  const values = results.map((one) => one[what]);
  return `${short(median(values))} (${short(Math.min(...values))}-${short(Math.max(...values))})`;
}

export function ratioText(results: readonly Measured[], floor: readonly Measured[], what: keyof Measured): string {
  return results.length === 0 || floor.length === 0 ? "-" : (median(results.map((one) => one[what])) / median(floor.map((one) => one[what]))).toFixed(2);
}

export function rangeText(values: readonly number[], digits = 1): string {
  return `${median(values).toFixed(digits)} (${Math.min(...values).toFixed(digits)}-${Math.max(...values).toFixed(digits)})`;
}

function short(value: number): string {
  return value >= 1e6 ? `${(value / 1e6).toFixed(2)}M` : `${(value / 1e3).toFixed(0)}k`;
}
