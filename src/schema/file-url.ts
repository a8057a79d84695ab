// The path under which a file can be had, from its id and back. The id is random text that nobody guesses; it names one file for good.

const PREFIX = "/files/";
/** 160 bits. */
export const FILE_ID_BYTES = 20;
const ID = /^[0-9a-f]{40}$/;

export function fileUrl(id: string): string {
  return `${PREFIX}${id}`;
}

export function isFileId(text: string): boolean {
  return ID.test(text);
}

export function isFileUrl(text: string): boolean {
  return text.startsWith(PREFIX) && isFileId(text.slice(PREFIX.length));
}

/** Of a url that `isFileUrl`. */
export function fileIdOf(url: string): string {
  return url.slice(PREFIX.length);
}
