// `.ambit/` beside the three files: generated types and builds. It ignores itself, so that nobody commits it.
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Makes `.ambit/` (and `.ambit/NAME`) if it is missing; answers its path. */
export async function workFolder(directory: string, name: string | null = null): Promise<string> {
  const root = join(directory, ".ambit");
  const folder = name === null ? root : join(root, name);
  await mkdir(folder, { recursive: true });
  const ignore = join(root, ".gitignore");
  if (!existsSync(ignore)) await writeFile(ignore, "*\n");
  return folder;
}
