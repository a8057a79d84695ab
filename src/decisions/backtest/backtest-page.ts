// The report of a backtest as one page for people: charts and tables in one file that loads nothing. Everything that a model, a caller or a schema has
// written is text in it and nothing else.
import type { Json } from "../../base/value.ts";
import type { BacktestReport, Difference, Quantiles } from "./report.ts";

/** `report`: a BacktestReport, as it was or read back from JSON. */
export function backtestPage(given: object): string {
  const report = given as BacktestReport;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>Backtest of ${text(report.decision)}</title><style>${STYLE}</style></head><body>
<h1>Backtest of ${text(report.decision)}</h1>
<p>${report.changes.map((one) => `<code>${text(one)}</code>`).join("<br>")}</p>
<p>${report.runs} runs of the last ${report.last}, version ${text(report.version)} against ${text(report.changedVersion)}${report.otherVersions === 0 ? "" : `; ${report.otherVersions} were decided by other versions`}.${report.isPartial ? " <strong>Not all were gone through.</strong>" : ""}
${Object.entries(report.leftOut).map(([why, runs]) => `Left out as ${text(why)}: ${runs}.`).join(" ")}</p>
<div class="figures">${figures(report)}</div>
<h2>Outcomes</h2>${bars(report.outcomes.map(({ outcome, reason, before, after }) => ({ name: reason === null ? outcome : `${outcome} ${reason}`, before, after })))}
<h2>Bounds that did not hold</h2>${report.bounds.length === 0 ? "<p>All held.</p>" : bars(report.bounds.map(({ bound, before, after }) => ({ name: bound, before: before.violated + before.clamped + before.noted, after: after.violated + after.clamped + after.noted })))}
${boundRows(report)}
<h2>Agreement by field</h2>${shares(report)}
<h2>Runs that differ</h2>${report.differences.length === 0 ? "<p>None.</p>" : differences(report)}
${report.differencesNotShown === 0 ? "" : `<p>${report.differencesNotShown} more are not shown.</p>`}
</body></html>
`;
}

const STYLE = `body{font:15px/1.5 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1d2430}h1,h2{line-height:1.2}h2{margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;vertical-align:top;padding:.3rem .6rem;border-bottom:1px solid #d7dce3}code,pre{font:13px/1.4 ui-monospace,monospace;white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
.figures{display:flex;flex-wrap:wrap;gap:1rem}.figures div{border:1px solid #d7dce3;border-radius:6px;padding:.5rem 1rem}.figures b{display:block;font-size:1.5rem}svg{max-width:100%;height:auto}`;

/** As text of a page, and of its attributes. */
function text(value: string): string {
  return value.replace(/[&<>"'\p{Cc}\p{Cf}]/gu, (character) => (character === "\n" ? character : /[\p{Cc}\p{Cf}]/u.test(character) ? "\ufffd" : `&#${character.codePointAt(0)};`));
}

function json(value: Json): string {
  return `<pre>${text(JSON.stringify(value, null, 1))}</pre>`;
}

function percent(value: number | null): string {
  return value === null ? "none" : `${Math.round(value * 1_000) / 10} %`;
}

function figures({ agreement, consistency, repeat, cost, latency, measured, changed }: BacktestReport): string {
  const money = (micros: number): string => `${(micros / 1_000_000).toFixed(6)} ${cost.currency ?? ""}`.trim();
  const times = (one: Quantiles | null | undefined): string => (one === null || one === undefined ? "none" : `${one.p50Ms} / ${one.p95Ms} ms`);
  const all: readonly (readonly [string, string])[] = [
    ["same output", percent(agreement)], ["now pass", String(changed.passes)], ["now violated", String(changed.violated)], ["now clamped", String(changed.clamped)],
    ...(consistency === null ? [] : [[`same in ${repeat} repeats`, percent(consistency)] as const]),
    ...(cost.after === null ? [] : [["cost, then and now", `${money(cost.before.micros)}, ${money(cost.after.micros)}`] as const, ["tokens, then and now", `${cost.before.tokens}, ${cost.after.tokens}`] as const]),
    ["latency p50 / p95, then", times(latency)], ...(measured === null ? [] : [["latency p50 / p95, now", times(measured.latency)] as const]),
  ];
  return all.map(([name, value]) => `<div><b>${text(value)}</b>${text(name)}</div>`).join("");
}

interface Bar { readonly name: string; readonly before: number; readonly after: number }

const WIDTH = 420;
const NAME_WIDTH = 280;
const ROW_HEIGHT = 40;

function bars(all: readonly Bar[]): string {
  const most = Math.max(1, ...all.flatMap(({ before, after }) => [before, after]));
  const bar = (count: number, y: number, colour: string): string => `<rect x="${NAME_WIDTH}" y="${y}" width="${Math.round((count / most) * WIDTH)}" height="13" fill="${colour}"/><text x="${NAME_WIDTH + Math.round((count / most) * WIDTH) + 6}" y="${y + 11}" font-size="12">${count}</text>`;
  const rows = all.map(({ name, before, after }, index) => `<text x="0" y="${index * ROW_HEIGHT + 22}" font-size="13">${text(name.length > 40 ? `${name.slice(0, 39)}…` : name)}</text>${bar(before, index * ROW_HEIGHT + 6, "#9aa7b8")}${bar(after, index * ROW_HEIGHT + 21, "#2f6fde")}`);
  return `<p>Grey: then. Blue: with the change.</p><svg role="img" viewBox="0 0 ${NAME_WIDTH + WIDTH + 60} ${all.length * ROW_HEIGHT + 4}" width="${NAME_WIDTH + WIDTH + 60}">${rows.join("")}</svg>`;
}

function boundRows({ bounds }: BacktestReport): string {
  if (bounds.length === 0) return "";
  const side = ({ violated, clamped, noted }: BacktestReport["bounds"][number]["before"]): string => `${violated} violated, ${clamped} clamped, ${noted} noted`;
  return `<table><tr><th>bound</th><th>then</th><th>with the change</th><th>not known</th></tr>${bounds.map(({ bound, before, after, unjudged }) => `<tr><td>${text(bound)}</td><td>${side(before)}</td><td>${side(after)}</td><td>${unjudged}</td></tr>`).join("")}</table>`;
}

function shares({ agreementByField }: BacktestReport): string {
  const all = Object.entries(agreementByField);
  const rows = all.map(([name, value], index) => `<text x="0" y="${index * 24 + 16}" font-size="13">${text(name)}</text><rect x="${NAME_WIDTH}" y="${index * 24 + 4}" width="${WIDTH}" height="14" fill="#e8ebf0"/><rect x="${NAME_WIDTH}" y="${index * 24 + 4}" width="${Math.round(value * WIDTH)}" height="14" fill="#2f6fde"/><text x="${NAME_WIDTH + WIDTH + 6}" y="${index * 24 + 16}" font-size="12">${percent(value)}</text>`);
  return all.length === 0 ? "<p>None.</p>" : `<svg role="img" viewBox="0 0 ${NAME_WIDTH + WIDTH + 70} ${all.length * 24 + 4}" width="${NAME_WIDTH + WIDTH + 70}">${rows.join("")}</svg>`;
}

function differences({ differences: all }: BacktestReport): string {
  const side = ({ outcome, reason, output, violated }: Difference["before"]): string => `${text(outcome)}${reason === null ? "" : ` ${text(reason)}`}${violated.length === 0 ? "" : `<br>broken: ${text(violated.join(", "))}`}${json(output)}`;
  return `<table><tr><th>run</th><th>then</th><th>with the change</th></tr>${all.map(({ run, admittedAt, change, before, after }) => `<tr><td><code>${text(run)}</code><br>${text(admittedAt)}<br>${text(change)}</td><td>${side(before)}</td><td>${side(after)}</td></tr>`).join("")}</table>`;
}
