// Fenced code blocks of a Markdown text, in order, with what their info string says.

export interface Block {
  /** First word of the info string. */
  readonly language: string;
  /** The other words: `wrong`, `right`, `given`, ... */
  readonly words: readonly string[];
  readonly text: string;
  /** Of the opening fence, from 1. */
  readonly line: number;
}

export function blocksOf(markdown: string): Block[] {
  const blocks: Block[] = [];
  const lines = markdown.split("\n");
  for (let index = 0; index < lines.length; index++) {
    const info = /^```(.*)$/.exec(lines[index]!)?.[1];
    if (info === undefined) continue;
    const end = lines.findIndex((line, at) => at > index && line === "```");
    if (end < 0) throw new Error(`the fence of line ${index + 1} is not closed`);
    const [language = "", ...words] = info.trim().split(/\s+/);
    blocks.push({ language, words, text: lines.slice(index + 1, end).join("\n"), line: index + 1 });
    index = end;
  }
  return blocks;
}
