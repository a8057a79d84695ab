// The Chromium of this machine, driven by playwright-core; null where there is none. It speaks with nothing but the page under test.
import { existsSync } from "node:fs";
import { chromium, type Browser } from "playwright-core";

const PLACES = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export const chromiumPath = PLACES.find((path) => existsSync(path)) ?? null;

/** Whoever opens it closes it. */
export function openChromium(): Promise<Browser> {
  if (chromiumPath === null) throw new Error("there is no Chromium here");
  return chromium.launch({ executablePath: chromiumPath, headless: true, args: FLAGS });
}
