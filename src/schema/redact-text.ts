// What @redact does to text at the edge: card numbers, IBANs and e-mail addresses become a marker. Pure; linear in the text.

export type RedactKind = "CARD" | "IBAN" | "EMAIL";

/** The text with every match of the kinds replaced by `[card]`, `[iban]`, `[email]`. IBANs go first: their digits could look like a card. */
export function redactText(text: string, kinds: readonly RedactKind[]): string {
  let redacted = text;
  if (kinds.includes("IBAN")) redacted = redactIbans(redacted);
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

// A match may have swallowed other words, before or after the number; so the next search begins right behind its first character.
function redactIbans(text: string): string {
  const search = new RegExp(IBAN_LIKE);
  let result = "";
  let written = 0;
  for (let match = search.exec(text); match !== null; match = search.exec(text)) {
    const length = ibanLength(match[0]);
    if (length === 0) { search.lastIndex = match.index + 1; continue; }
    result += `${text.slice(written, match.index)}[iban]`;
    written = match.index + length;
    search.lastIndex = written;
  }
  return result + text.slice(written);
}

/** Of the longest prefix, cut at a separator, that proves right; else 0. */
function ibanLength(match: string): number {
  for (let end = match.length; end >= IBAN_LENGTH_MIN; end--) {
    const atBoundary = end === match.length || match[end] === " " || match[end] === "-";
    if (atBoundary && isIban(match.slice(0, end))) return end;
  }
  return 0;
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

// A card is whole groups of digits: 13 to 19 in all that satisfy Luhn. Part of a longer number is none, or one number in ten would look like one.
function redactCards(text: string): string {
  return text.replace(DIGIT_RUN, (run) => {
    const groups = [...run.matchAll(/[0-9]+/g)].map((match) => ({ start: match.index, end: match.index + match[0].length }));
    let result = "";
    let written = 0;
    for (let first = 0; first < groups.length; first++) {
      const last = lastGroupOfCard(run, groups, first);
      if (last === null) continue;
      result += `${run.slice(written, groups[first]!.start)}[card]`;
      written = groups[last]!.end;
      first = last;
    }
    return result + run.slice(written);
  });
}

/** Of the longest card that begins with group `first`. */
function lastGroupOfCard(run: string, groups: readonly { readonly start: number; readonly end: number }[], first: number): number | null {
  let digits = "";
  let found: number | null = null;
  for (let last = first; last < groups.length; last++) {
    digits += run.slice(groups[last]!.start, groups[last]!.end);
    if (digits.length > CARD_DIGITS_MAX) break;
    if (digits.length >= CARD_DIGITS_MIN && satisfiesLuhn(digits)) found = last;
  }
  return found;
}

function satisfiesLuhn(digits: string): boolean {
  let sum = 0;
  for (let offset = 0; offset < digits.length; offset++) {
    const digit = digits.charCodeAt(digits.length - 1 - offset) - 48;
    const doubled = offset % 2 === 1 ? digit * 2 : digit;
    sum += doubled > 9 ? doubled - 9 : doubled;
  }
  return sum % 10 === 0 && sum > 0;
}
