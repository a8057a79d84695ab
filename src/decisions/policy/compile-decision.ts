// A declared decision to one that can run, with all that is wrong with its queries and expressions. Pure; judges what it is told, runs nothing.
import type { Diagnostic } from "../../base/diagnostic.ts";
import type { ErrorCode } from "../../base/error-registry.ts";
import type { Limits } from "../../base/limits.ts";
import { celDiagnostic, type CelPlace } from "../../expression/cel-context.ts";
import { compileCel } from "../../expression/cel-compile.ts";
import { compileCelMap } from "../../expression/cel-map.ts";
import type { Expected } from "../../expression/cel-convert.ts";
import { unguardedValues } from "../../expression/check-values.ts";
import type { Expression } from "../../expression/expression.ts";
import type { ExpressionBook } from "../../expression/expression-book.ts";
import { typeOfField } from "../../expression/field-type.ts";
import { someIn } from "../../expression/inspect.ts";
import { appTable } from "../../schema/account-tables.ts";
import type { Catalog, Cel, InputField, ObjectType, Table, TypeRef } from "../../schema/catalog.ts";
import type { Approval, Bound, ChangeTrigger, CommitmentDeclaration, ContextDeclaration, Decision, EffectTarget, MemoryDeclaration } from "../../schema/decision.ts";
import type { QueryTemplate } from "../../schema/query-template.ts";
import { answerShape, withShapes } from "./answer-shape.ts";
import type { CompiledApproval, CompiledBound, CompiledCall, CompiledCommitment, CompiledContext, CompiledDecision, CompiledEffect, CompiledFixedEffect, CompiledMemory, CompiledRead, CompiledRollout, CompiledTarget, CompiledTrigger, CompiledWrite } from "./compiled-decision.ts";
import { STATS, statsTypes } from "../rollout/arm-stats.ts";
import { clampReach } from "./clamp-reach.ts";
import { compileTrigger } from "./compile-trigger.ts";
import { compileQuery, type CompiledQuery } from "./compile-query.ts";
import { afterType, argumentsType, callValues, committedValues, contextValues, memTypes, negotiationType, outcomeTypes, outcomeValues, placeOf, rowType, type NamedContext, type Values } from "./decision-values.ts";
import { compileTable, type DecisionTable } from "./decision-table.ts";
import { fallbackBounds } from "./fallback-bounds.ts";
import { knownOperations, type OperationValues } from "./operation-values.ts";
import { fieldsRead, placeOfField } from "./read-fields.ts";
import { ownRights } from "./own-rights.ts";
import { secretLeaks } from "./secret-leaks.ts";
import { tableCover } from "./table-cover.ts";
import { unmarkedTexts } from "./taint-sources.ts";
import { sameToolNames } from "./tool-names.ts";
import { unreadableContexts } from "./unreadable-contexts.ts";
import { unboundedWrites } from "./unbounded-writes.ts";

export interface DecisionParts {
  readonly catalog: Catalog;
  readonly book: ExpressionBook;
  readonly limits: Limits;
  /** A text file of the app's folder; null: there is none. */
  readonly textOf: (file: string) => string | null;
}

/** Null with errors among the diagnostics. */
export function compileDecision(name: string, declaration: Decision, parts: DecisionParts): { readonly decision: CompiledDecision | null; readonly diagnostics: readonly Diagnostic[] } {
  const compiler = new DecisionCompiler(declaration, parts);
  const decision = compiler.compile(name);
  const { diagnostics } = compiler;
  return { decision: diagnostics.some(({ severity }) => severity === "error") ? null : decision, diagnostics };
}

const BOOL: Expected = { type: { kind: "bool" }, domain: null, what: "A bound" };
const TEXT: Expected = { type: { kind: "string" }, domain: null, what: "This" };
const INT: Expected = { type: { kind: "int" }, domain: null, what: "What is summed" };

interface Target { readonly table: Table; readonly action: CompiledEffect["action"]; readonly fields: ReadonlyMap<string, InputField> }

class DecisionCompiler {
  readonly diagnostics: Diagnostic[] = [];
  readonly #declaration: Decision;
  readonly #parts: DecisionParts;
  readonly #named: NamedContext[] = [];
  /** Those that are there before any call. */
  readonly #loaded: NamedContext[] = [];
  #catalog: Catalog;
  /** Of `args`, `row` and `effects`. */
  #known = knownOperations([], []);

  constructor(declaration: Decision, parts: DecisionParts) {
    this.#declaration = declaration;
    this.#parts = parts;
    this.#catalog = parts.catalog;
  }

  compile(name: string): CompiledDecision {
    const declaration = this.#declaration;
    const contexts = declaration.contexts.flatMap((one) => this.#context(one) ?? []);
    this.#add([[afterType(this.#named).name, afterType(this.#named)], ...outcomeTypes]);
    const values = contextValues(this.#named);
    const mem = memTypes(declaration, this.#parts.catalog);
    this.#add(mem.map((type) => [type.name, type]));
    if (declaration.negotiates !== null) this.#add(negotiationType(declaration, this.#catalog).map((type) => [type.name, type]));
    const tools = declaration.mayCall.flatMap(({ tool }) => this.#parts.catalog.tools.get(tool) ?? []);
    this.#known = knownOperations(tools.map((tool) => argumentsType(tool.name, tool.arguments)), this.#operations());
    this.#add(Object.values(this.#known).flatMap(({ types }) => types.map((type) => [type.name, type] as const)));
    const outcome = outcomeValues(values, declaration, mem.at(-1) ?? null);
    const known = { declaration, contexts, catalog: this.#catalog };
    const decision: CompiledDecision = {
      name, declaration, contexts,
      quarantined: new Set(contexts.flatMap(({ source }) => (source.kind === "extract" ? fieldsRead(source.from, known).filter(({ type }) => type.kind === "scalar").flatMap((field) => placeOfField(field) ?? []) : []))),
      reads: declaration.mayRead.flatMap((one) => this.#read(one, values) ?? []),
      calls: declaration.mayCall.flatMap((one) => this.#call(one, values) ?? []),
      writes: declaration.mayWrite.flatMap((one) => this.#write(one, outcome) ?? []),
      effects: declaration.effects.flatMap((one) => this.#effect(one, outcome) ?? []),
      memories: declaration.memories.flatMap((one) => this.#memory(one) ?? []),
      bounds: boundsOf(declaration).flatMap((one) => this.#bound(one, { values, outcome }) ?? []),
      triggers: declaration.triggers.flatMap((one) => this.#trigger(one) ?? []),
      rollout: this.#rollout(),
      table: this.#table(values),
      approvals: declaration.approvals.map((one) => this.#approval(one, outcome)),
      exclusive: this.#optional(declaration.negotiates?.exclusive ?? null, contextValues(this.#loaded), { ...TEXT, what: "What is exclusive" }),
      commitment: declaration.commitment === null ? null : this.#commitment(declaration.commitment),
      subject: this.#optional(declaration.subject, contextValues(this.#loaded), { ...TEXT, what: "The subject" }),
      idempotency: this.#optional(declaration.idempotency, new Map(), { ...TEXT, what: "The key" }),
      catalog: this.#catalog,
    };
    this.diagnostics.push(...unboundedWrites(decision), ...secretLeaks(decision, this.#parts.book), ...fallbackBounds(decision, this.#parts.book), ...unmarkedTexts(decision, this.#parts.book), ...sameToolNames(decision), ...unreadableContexts(decision), ...clampReach(decision), ...ownRights(decision));
    return { ...decision, catalog: this.#catalog };
  }

  #add(objects: Iterable<readonly [string, ObjectType]>): void {
    this.#catalog = withShapes(this.#catalog, [new Map(objects)]);
  }

  #place(values: Values): CelPlace {
    return placeOf(values, this.#declaration, this.#catalog);
  }

  #context(declaration: ContextDeclaration): CompiledContext | null {
    const { name, from, extract, query: template, maxRows } = declaration;
    const values = contextValues(this.#loaded);
    if (template === null) {
      if (from === null || extract === null) return null;
      const text = this.#expression(from, values, { ...TEXT, what: "What is read" });
      this.#named.push({ name, type: { kind: "object", name: extract, list: false, required: false, itemRequired: false }, optional: false });
      return text === null ? null : { declaration, source: { kind: "extract", from: text, type: extract } };
    }
    const { query, diagnostics } = compileQuery(template, { ...this.#parts, cel: this.#place(values), takesArguments: false, hidesSecrets: false, maxRows });
    this.diagnostics.push(...diagnostics);
    if (query === null) return null;
    this.#checkInput(query, template.text);
    const shape = answerShape(name, query.plan, { catalog: this.#catalog, one: query.id !== null, required: declaration.required });
    this.#add(shape.objects);
    const named: NamedContext = { name, type: shape.type, optional: query.id !== null && !declaration.required };
    this.#named.push(named);
    this.#loaded.push(named);
    return { declaration, source: { kind: "query", query, shape } };
  }

  /** What a caller sends may name a record that they may read; which rows of a list there are must not depend on it otherwise. */
  #checkInput(query: CompiledQuery, text: Cel): void {
    if (query.id !== null) return;
    const isOpen = query.holes.some((hole) => hole.kind === "value" && someIn(hole.expression, (part) => part.op === "variable" && part.root === "input"));
    if (isOpen) this.#report(text, "DECISION_QUERY", "A list is filtered by what the caller sends.", "The author's authority reads it, so the caller could read what is not theirs.", "Load the record first, by its id, and filter by its fields.");
  }

  /** Before anything is read: what decides is chosen by who asks for what. */
  #rollout(): CompiledRollout | null {
    const { rollout } = this.#declaration;
    if (rollout === null) return null;
    this.#add(statsTypes.map((type) => [type.name, type]));
    const stats: Values = new Map([["stats", { type: STATS }]]);
    return {
      declaration: rollout, stickyBy: this.#optional(rollout.stickyBy, new Map(), { ...TEXT, what: "What a share is chosen by" }),
      stopWhen: rollout.stopWhen === null ? null : this.#rule(rollout.stopWhen, stats, "What ends a rollout"),
    };
  }

  /** Of @fallback(table). */
  #table(values: Values): DecisionTable | null {
    const { fallback, callable } = this.#declaration;
    if (fallback?.kind !== "table") return null;
    const report = (severity: "error" | "warning", message: string): void => {
      this.diagnostics.push({ code: "DECISION_TABLE", severity, position: callable.position, message: `${fallback.file}: ${message}`, why: "Where no row answers, the run is refused.", fix: "Correct the table.", edits: [] });
    };
    const text = this.#parts.textOf(fallback.file);
    if (text === null) return report("error", "It cannot be read: it must be a file in the app's folder."), null;
    const table = compileTable(text, { catalog: this.#catalog, place: { ...this.#place(values), auth: false }, result: callable.result, report: (message) => report("error", message) });
    for (const message of table === null ? [] : tableCover(table)) report("warning", message);
    return table;
  }

  #trigger(declaration: ChangeTrigger): CompiledTrigger | null {
    const { trigger, diagnostics } = compileTrigger(declaration, { ...this.#parts, callable: this.#declaration.callable });
    this.diagnostics.push(...diagnostics);
    return trigger;
  }

  #read({ name, query: template, max, as }: Decision["mayRead"][number], values: Values): CompiledRead | null {
    const { query, diagnostics } = compileQuery(template, { ...this.#parts, cel: this.#place(values), takesArguments: true, hidesSecrets: true, maxRows: this.#parts.limits.decisionReadRows });
    this.diagnostics.push(...diagnostics);
    if (query === null) return null;
    const shape = answerShape(`read ${name}`, query.plan, { catalog: this.#catalog, one: query.id !== null, required: false });
    this.#add(shape.objects);
    const holes = [...(query.id === null ? [] : [query.id]), ...query.holes];
    const given = new Map(holes.flatMap((hole) => (hole.kind === "argument" ? [[hole.name, { type: hole.type }] as const] : [])));
    return { name, query, shape, arguments: given, max, as };
  }

  #call(declaration: Decision["mayCall"][number], values: Values): CompiledCall | null {
    const tool = this.#catalog.tools.get(declaration.tool);
    if (tool === undefined) return null;
    const args = argumentsType(tool.name, tool.arguments);
    this.#add([[args.name, args]]);
    const where = declaration.where === null ? null : this.#rule(declaration.where, callValues(values, { args, row: null }), "A condition");
    return { declaration, tool, where };
  }

  #target({ table: name, verb }: EffectTarget): Target | null {
    const table = appTable(this.#catalog, name);
    if (table === undefined) return null;
    const action = table.actions.get(verb) ?? null;
    const key = rowType(table).fields.get(table.primaryKey)!;
    const fields = action === null ? new Map([...rowType(table).fields, ["id", key], ...(verb === "increment" ? INCREMENT : [])]) : new Map([...action.arguments, ["id", key]]);
    return { table, action, fields };
  }

  #write(declaration: Decision["mayWrite"][number], outcome: Values): CompiledWrite | null {
    const target = this.#target(declaration.operation);
    if (target === null) return null;
    const { table, action, fields } = target;
    const name = `${declaration.operation.table}_${declaration.operation.verb}`;
    const args = argumentsGiven(declaration, target).args;
    const row = declaration.operation.verb === "create" ? null : rowType(table);
    this.#add([[args.name, args], ...(row === null ? [] : [[row.name, row] as const])]);
    const where = declaration.where === null ? null : this.#rule(declaration.where, callValues(outcome, { args, row }), "A condition");
    return { declaration, name, table, action, verb: declaration.operation.verb, members: fields, where, set: this.#set(declaration.set, fields, outcome), release: this.#boundTarget(declaration.release), convert: this.#boundTarget(declaration.convert) };
  }

  #effect(declaration: Decision["effects"][number], outcome: Values): CompiledFixedEffect | null {
    const target = this.#target(declaration.operation);
    if (target === null) return null;
    const when = declaration.when === null ? null : this.#rule(declaration.when, outcome, "A condition");
    return { declaration, table: target.table, action: target.action, verb: declaration.operation.verb, when, set: this.#set(declaration.set, target.fields, outcome) };
  }

  /** All that it may write. */
  #operations(): readonly OperationValues[] {
    const { mayWrite, effects } = this.#declaration;
    return [...mayWrite, ...effects.map((one) => ({ ...one, fields: [] }))].flatMap((one) => {
      const target = this.#target(one.operation);
      const { verb } = one.operation;
      const isOfTable = target?.action?.on === "TABLE";
      return target === null ? [] : [{ ...argumentsGiven(one, target), row: rowType(target.table), hasRow: { before: !isOfTable && verb !== "create", after: !isOfTable && verb !== "delete" } }];
    });
  }

  #set(set: ReadonlyMap<string, Cel>, fields: ReadonlyMap<string, Pick<InputField, "type">>, values: Values): ReadonlyMap<string, Expression> {
    const compiled = new Map<string, Expression>();
    for (const [name, cel] of set) {
      const field = fields.get(name);
      if (field === undefined) continue;
      const expression = this.#expression(cel, values, expectedOf(field.type, name, this.#catalog));
      if (expression !== null) compiled.set(name, expression);
    }
    return compiled;
  }

  #memory(declaration: MemoryDeclaration): CompiledMemory | null {
    const about = this.#expression(declaration.about, contextValues(this.#loaded), { ...TEXT, what: "Whom it is about" });
    return about === null ? null : { declaration, about };
  }

  #bound(declaration: Bound, { values, outcome }: { readonly values: Values; readonly outcome: Values }): CompiledBound | null {
    const rule = this.#rule(declaration.rule, this.#boundValues(declaration, values, outcome), "A bound", this.#knownAt(declaration));
    const of = declaration.of === null ? null : this.#expression(declaration.of, committedValues(outcome), INT);
    if (of !== null) this.#guard(declaration.of!, of, new Map([...committedValues(outcome), ...this.#knownAt(declaration)]));
    const to = declaration.to === null ? new Map<string, Expression>() : this.#clamp(declaration.to, outcome);
    return rule === null ? null : { declaration, rule, readsEffects: someIn(rule, (part) => part.op === "variable" && part.root === "effects"), of, to };
  }

  #approval(declaration: Approval, outcome: Values): CompiledApproval {
    return { declaration, when: declaration.when === null ? null : this.#rule(declaration.when, outcome, "A condition") };
  }

  #commitment({ due, keptWhen, query: template, remedy }: CommitmentDeclaration): CompiledCommitment | null {
    const { callable: { result } } = this.#declaration;
    const values = new Map([["now", { type: NOW }], ["offer", { type: { ...result, required: true } }]]);
    const [target, dueAt] = [this.#target(remedy), this.#expression(due, values, { type: { kind: "timestamp" }, domain: null, what: "When it is due" })];
    const found = template === null ? null : this.#found(template, values);
    const kept = this.#expression(keptWhen, found === null ? values : new Map([...values, ["found", { type: found.type }]]), { ...BOOL, what: "What is kept" });
    return target === null || dueAt === null || kept === null ? null : { due: dueAt, keptWhen: kept, found: found?.context ?? null, remedy: { ...target, verb: remedy.verb } };
  }

  #found(template: QueryTemplate, values: Values): { readonly type: TypeRef; readonly context: CompiledContext } | null {
    const { query, diagnostics } = compileQuery(template, { ...this.#parts, cel: this.#place(values), takesArguments: false, hidesSecrets: false, maxRows: FOUND_ROWS });
    this.diagnostics.push(...diagnostics);
    if (query === null) return null;
    const shape = answerShape("found", query.plan, { catalog: this.#catalog, one: query.id !== null, required: false });
    this.#add(shape.objects);
    return { type: shape.type, context: { declaration: { name: "found", query: template, from: null, maxRows: FOUND_ROWS, maxBytes: FOUND_BYTES, extract: null, required: false }, source: { kind: "query", query, shape } } };
  }

  /** Without what it is called with. */
  #boundTarget(declaration: EffectTarget | null): CompiledTarget | null {
    const target = declaration === null ? null : this.#target(declaration);
    return target === null || declaration === null ? null : { table: target.table, action: target.action, verb: declaration.verb };
  }

  #boundValues({ at }: Bound, values: Values, outcome: Values): Values {
    switch (at) {
      case "INPUT": return contextValues(this.#loaded);
      case "CALL": case "EFFECT": return callValues(values, { args: null, row: null });
      case "OUTPUT": return outcome;
      case "COMMIT": return committedValues(outcome);
      case "TOTAL": return new Map([...committedValues(outcome), ["total", { type: TOTAL }]]);
    }
  }

  #knownAt({ at }: Bound): Values {
    const { calls, effects, planned, committed } = this.#known;
    switch (at) {
      case "CALL": return calls.values;
      case "EFFECT": return effects.values;
      case "INPUT": case "OUTPUT": return planned.values;
      case "COMMIT": case "TOTAL": return committed.values;
    }
  }

  /** CEL to a map of output fields. */
  #clamp(to: Cel, outcome: Values): ReadonlyMap<string, Expression> {
    const fields = this.#catalog.objects.get(this.#declaration.callable.result.name)?.fields ?? new Map<string, InputField>();
    const expected = new Map([...fields].map(([name, { type }]) => [name, expectedOf(type, name, this.#catalog)]));
    const { entries, diagnostics } = compileCelMap(to, this.#place(outcome), expected);
    this.diagnostics.push(...diagnostics);
    return entries;
  }

  /** Of verdict type, and without a null that nobody thought of. */
  #rule(cel: Cel, values: Values, what: string, known: Values = this.#known.planned.values): Expression | null {
    const expression = this.#expression(cel, values, { ...BOOL, what });
    if (expression !== null) this.#guard(cel, expression, new Map([...values, ...known]));
    return expression;
  }

  #guard(cel: Cel, expression: Expression, values: Values): void {
    const roots = new Map([...values, ["input", { type: this.#inputType() }]]);
    for (const { name } of unguardedValues(expression, roots, this.#catalog)) {
      this.#report(cel, "BOUND_NULLABLE", `The expression has no value whenever ${name} is null.`, "What has no value is a violation, so the decision would never pass there.", `Write ${name} == null || (...) or ${name} != null && ...; what is tested stands before what needs it.`);
    }
  }

  #inputType(): TypeRef {
    const input = argumentsType("input", this.#declaration.callable.arguments);
    if (!this.#catalog.objects.has(input.name)) this.#add([[input.name, input]]);
    return { kind: "object", name: input.name, list: false, required: true, itemRequired: false };
  }

  #optional(cel: Cel | null, values: Values, expected: Expected): Expression | null {
    return cel === null ? null : this.#expression(cel, values, expected);
  }

  #expression(cel: Cel, values: Values, expected: Expected): Expression | null {
    const { expression, diagnostics } = compileCel(cel, this.#place(values), expected);
    this.diagnostics.push(...diagnostics);
    return expression;
  }

  #report(cel: Cel, code: ErrorCode, message: string, why: string, fix: string): void {
    this.diagnostics.push(celDiagnostic(cel, { start: 0, end: cel.source.length }, { code, message, why, fix }));
  }
}

/** What is given is there as its type says: a model that leaves it out is refused. Of the rest nobody knows. */
function argumentsGiven({ operation: { table: name, verb }, fields: supplied, set }: { readonly operation: EffectTarget; readonly fields: readonly string[]; readonly set: ReadonlyMap<string, Cel> }, { table, action, fields }: Target): Pick<OperationValues, "args" | "given"> {
  const given = new Set([...supplied, ...set.keys(), ...(verb === "create" && action === null ? [table.primaryKey] : [])]);
  return { given, args: argumentsType(`${name}_${verb}`, new Map([...fields].map(([field, one]) => [field, { ...one, type: { ...one.type, required: given.has(field) && one.type.required } }]))) };
}

/** With that of @negotiates(concession), as any other. */
function boundsOf({ bounds, negotiates }: Decision): readonly Bound[] {
  const rule = negotiates?.concession ?? null;
  return rule === null ? bounds : [...bounds, { name: "concession", rule, at: "OUTPUT", else: "REPAIR", to: null, tell: null, soft: false, of: null, per: null }];
}

const FOUND_ROWS = 50;
const FOUND_BYTES = 16_384;
const NOW: TypeRef = { kind: "scalar", name: "DateTime", list: false, required: true, itemRequired: false };
const TOTAL: TypeRef = { kind: "scalar", name: "Long", list: false, required: true, itemRequired: false };
const plain = (name: string, scalar: string): [string, InputField] => [name, {
  name, description: null, position: { file: "", line: 1, column: 1 }, type: { kind: "scalar", name: scalar, list: false, required: true, itemRequired: false }, defaultValue: undefined,
  limits: { length: null, range: null, pattern: null, currency: null, redact: [], sensitive: false, secret: false, untrusted: false },
}];
const INCREMENT: readonly (readonly [string, InputField])[] = [plain("field", "String"), plain("by", "Long")];

function expectedOf(type: TypeRef, name: string, catalog: Catalog): Expected {
  return { type: typeOfField(type, catalog), domain: type.kind === "enum" ? { kind: "enum", name: type.name } : null, what: name };
}
