// Exact decimal numbers as text. Canonical: plain digits, no exponent, no leading zeros, scale kept; zero has no sign.

const DECIMAL = /^(-)?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;
/** Digits before and after the point together. */
const DIGITS_MAX = 100;
const TEXT_MAX = 300;

/** `scale` digits of `unscaled` stand after the point. */
interface Parts { readonly unscaled: bigint; readonly scale: number }

/** Canonical text of plain or exponent notation; null if it is no number or has more than 100 digits. */
export function parseDecimal(text: string): string | null {
  if (text.length > TEXT_MAX) return null;
  const match = DECIMAL.exec(text);
  if (match === null) return null;
  const [, sign, whole, fraction, exponent] = match;
  const scale = (fraction ?? "").length - Number(exponent ?? 0);
  if (Math.abs(scale) > TEXT_MAX) return null;
  const digits = BigInt(whole + (fraction ?? "")) * (scale < 0 ? 10n ** BigInt(-scale) : 1n);
  return textOf({ unscaled: sign === undefined ? digits : -digits, scale: Math.max(scale, 0) });
}

/** By value: `1.50` equals `1.5`. Both canonical. -1, 0 or 1. */
export function compareDecimals(left: string, right: string): number {
  const [a, b] = aligned(left, right);
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Exact; null if the result has too many digits. */
export function addDecimals(left: string, right: string): string | null {
  const [a, b, scale] = aligned(left, right);
  return textOf({ unscaled: a + b, scale });
}

/** Exact; null if the result has too many digits. */
export function multiplyDecimals(left: string, right: string): string | null {
  const a = partsOf(left);
  const b = partsOf(right);
  return textOf({ unscaled: a.unscaled * b.unscaled, scale: a.scale + b.scale });
}

export function negateDecimal(text: string): string {
  if (text.startsWith("-")) return text.slice(1);
  return /[1-9]/.test(text) ? `-${text}` : text;
}

/**
 * Text whose order by bytes is the order of the values, equal for equal values: sign, exponent, digits without
 * trailing zeros; for negative numbers the complement of the digits and a closing mark above every digit.
 */
export function decimalKey(text: string): string {
  const negative = text.startsWith("-");
  const [whole, fraction] = (negative ? text.slice(1) : text).split(".") as [string, string?];
  const all = whole + (fraction ?? "");
  const leading = all.length - all.replace(/^0+/, "").length;
  const digits = all.slice(leading).replace(/0+$/, "");
  if (digits === "") return "1";
  const magnitude = (whole.length - leading + 500).toString() + digits;
  if (!negative) return `2${magnitude}`;
  let complement = "";
  for (const digit of magnitude) complement += (9 - Number(digit)).toString();
  return `0${complement}~`;
}

function partsOf(text: string): Parts {
  const point = text.indexOf(".");
  if (point < 0) return { unscaled: BigInt(text), scale: 0 };
  return { unscaled: BigInt(text.slice(0, point) + text.slice(point + 1)), scale: text.length - point - 1 };
}

function aligned(left: string, right: string): [bigint, bigint, number] {
  const a = partsOf(left);
  const b = partsOf(right);
  const scale = Math.max(a.scale, b.scale);
  return [a.unscaled * 10n ** BigInt(scale - a.scale), b.unscaled * 10n ** BigInt(scale - b.scale), scale];
}

function textOf({ unscaled, scale }: Parts): string | null {
  const negative = unscaled < 0n;
  const digits = (negative ? -unscaled : unscaled).toString().padStart(scale + 1, "0");
  const significant = digits.length > 1 && scale === digits.length - 1 && digits.startsWith("0") ? digits.length - 1 : digits.length;
  if (significant > DIGITS_MAX) return null;
  const whole = digits.slice(0, digits.length - scale);
  return `${negative ? "-" : ""}${whole}${scale > 0 ? `.${digits.slice(digits.length - scale)}` : ""}`;
}
