// WEBHOOK_SHAPE: what @webhook needs beside a path of its own (http-paths.ts): a transaction to remember in, a body to verify, one way in.
import type { Diagnostic } from "../../base/diagnostic.ts";
import { describeField, diagnose, type CompileContext } from "../compile-context.ts";
import { argumentNode, useOf, type DeclaredField, type DirectiveUse } from "../declarations.ts";

export function webhookShape(context: CompileContext): Diagnostic[] {
  return context.fields.flatMap((field) => {
    const [webhook, http] = [useOf(field, "webhook"), useOf(field, "http")];
    return webhook === undefined || http === undefined ? [] : check(field, { webhook, http }, context);
  });
}

interface Uses { readonly webhook: DirectiveUse; readonly http: DirectiveUse }

function check(field: DeclaredField, { webhook, http }: Uses, context: CompileContext): Diagnostic[] {
  const found: Diagnostic[] = [];
  const report = (use: DirectiveUse, problem: { message: string; why: string; fix: string }): void => {
    found.push(diagnose(context, { code: "WEBHOOK_SHAPE", at: use.node, ...problem, message: `${describeField(field)} ${problem.message}` }));
  };
  if (http.values?.["transaction"] === "NONE") {
    report(http, { message: "has @webhook and transaction: NONE.", why: "What came in is remembered in the commit of what it changed, so that neither is there without the other.", fix: "Leave out transaction, and call others by ctx.send." });
  }
  if (http.values?.["method"] === "DELETE") report(http, { message: "has @webhook and the method DELETE.", why: "What is signed is a body.", fix: "Use @http with POST." });
  const exported = useOf(field, "export");
  if (exported !== undefined) report(exported, { message: "has @webhook and @export.", why: "Only a request over HTTP has a body that was signed.", fix: "Remove @export." });
  if (argumentNode(webhook, "per") !== undefined && argumentNode(webhook, "sequence") === undefined) {
    report(webhook, { message: "has @webhook with per but no sequence.", why: "per says of what a sequence counts.", fix: "Add sequence, or remove per." });
  }
  if (useOf(field, "page") !== undefined) report(webhook, { message: "has @webhook and @page.", why: "Nobody pages through the answer to a webhook.", fix: "Remove @page." });
  return found;
}
