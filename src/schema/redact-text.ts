// What @redact does to text at the edge: card numbers, IBANs and e-mail addresses become a marker. Pure; linear in the text.

export type RedactKind = "CARD" | "IBAN" | "EMAIL";

/** The text with every match of the kinds replaced by `[card]`, `[iban]`, `[email]`. IBANs go first: their digits could look like a card. */
export function redactText(text: string, kinds: readonly RedactKind[]): string {
  let redacted = text;
  if (kinds.includes("IBAN")) redacted = redacted.replace(IBAN_LIKE, replaceIban);
  if (kinds.includes("CARD")) redacted = redactCards(redacted);
  if (kinds.includes("EMAIL")) redacted = redacted.replace(EMAIL, "[email]");
  return redacted;
}

const IBAN_LIKE = /(?<![A-Za-z0-9])[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}(?![A-Za-z0-9])/g;
// The local part and each label have a length limit (RFC 5321), which keeps the search linear.
const EMAIL = /[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9-]{0,62}\.)+[A-Za-z]{2,63}/g;
const DIGIT_RUN = /[0-9](?:[ -]?[0-9]){12,}/g;
const CARD_DIGITS_MIN = 13;
const CARD_DIGITS_MAX = 19;
const IBAN_LENGTH_MIN = 15;

// The match may have swallowed following words ("... 3000 and then"); the longest prefix, cut at a separator, that proves right counts.
function replaceIban(match: string): string {
  for (let end = match.length; end >= IBAN_LENGTH_MIN; end--) {
    const atBoundary = end === match.length || match[end] === " " || match[end] === "-";
    if (atBoundary && isIban(match.slice(0, end))) return `[iban]${match.slice(end)}`;
  }
  return match;
}

function isIban(text: string): boolean {
  const compact = text.replace(/[ -]/g, "").toUpperCase();
  if (compact.length < IBAN_LENGTH_MIN || compact.length > 34) return false;
  let remainder = 0;
  for (const character of compact.slice(4) + compact.slice(0, 4)) {
    const value = parseInt(character, 36);
    remainder = (remainder * (value > 9 ? 100 : 10) + value) % 97;
  }
  return remainder === 1;
}

// Within a run of digits, the first and longest window of 13 to 19 that satisfies Luhn is a card; the search goes on after it.
function redactCards(text: string): string {
  return text.replace(DIGIT_RUN, (run) => {
    const places: number[] = [];
    for (let index = 0; index < run.length; index++) if (run[index] !== " " && run[index] !== "-") places.push(index);
    let result = "";
    let written = 0;
    let start = 0;
    while (start + CARD_DIGITS_MIN <= places.length) {
      const length = cardLengthAt(run, places, start);
      if (length === 0) { start++; continue; }
      result += `${run.slice(written, places[start])}[card]`;
      written = places[start + length - 1]! + 1;
      start += length;
    }
    return result + run.slice(written);
  });
}

function cardLengthAt(run: string, places: readonly number[], start: number): number {
  for (let length = Math.min(CARD_DIGITS_MAX, places.length - start); length >= CARD_DIGITS_MIN; length--) {
    if (satisfiesLuhn(run, places, start, length)) return length;
  }
  return 0;
}

function satisfiesLuhn(run: string, places: readonly number[], start: number, length: number): boolean {
  let sum = 0;
  for (let offset = 0; offset < length; offset++) {
    const digit = run.charCodeAt(places[start + length - 1 - offset]!) - 48;
    const doubled = offset % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && sum > 0;
}
