// A mutation with @transaction: what its fields do is one transaction, carried out in order, all or none. Their answers are put together after the
// commit, from what each of them answered in it.
import type { GraphQLError } from "graphql";
import type { Json } from "../../base/value.ts";
import { AmbitError, fault } from "../../base/error.ts";
import { whenReady } from "../../base/when-ready.ts";
import { JsonText, type BatchPass, type BatchScript, type OperationBody, type Result } from "../../resources/operation.ts";
import { errorObject, type ErrorContext } from "./graphql-errors.ts";
import type { GraphqlAnswer } from "./graphql-operating.ts";
import type { Caller } from "./graphql-parts.ts";
import { Root, type RootFields } from "./root-field.ts";
import { fieldAnswers, located, type RootUse } from "./root-uses.ts";
import { TYPE_NAME } from "./selected-fields.ts";

export interface Transacting {
  readonly caller: Caller;
  readonly fields: RootFields;
  readonly context: ErrorContext;
}

/** One field: what it wants to have done, and whoever waits for the outcome. */
interface Step { readonly use: RootUse; readonly body: OperationBody; readonly answer: (result: Result) => void }

export async function inOneTransaction(uses: readonly RootUse[], transacting: Transacting): Promise<GraphqlAnswer> {
  const { caller, context } = transacting;
  const { steps, answers, refused } = prepare(uses, transacting);
  if (refused !== null) return { errors: [errorObject(refused, context)], data: null };
  let results: readonly Result[] = [];
  if (steps.length > 0) {
    const passes: Pass[] = [];
    const script: BatchScript = { length: steps.length, begin: () => passes[passes.push(new Pass(steps, caller)) - 1]! };
    try {
      const { body, replayed } = await caller.dispatch({ kind: "batch", script }, "");
      results = replayed || passes.length === 0 ? kept(body) : passes.at(-1)!.results;
    } catch (error) {
      return { errors: [errorObject(placed(error, steps), context)], data: null };
    }
  }
  steps.forEach(({ answer }, index) => answer(results[index]!));
  return fieldAnswers(uses, answers, context);
}

interface Prepared { readonly steps: readonly Step[]; readonly answers: readonly Promise<unknown>[]; /** Of the first field that could not even begin. */ readonly refused: GraphQLError | null }

/** Each field says what it wants done, and then waits. Once that is answered, what else it reads is read as anywhere. */
function prepare(uses: readonly RootUse[], { caller, fields }: Transacting): Prepared {
  const steps: Step[] = [];
  const answers: Promise<unknown>[] = [];
  for (const use of uses) {
    const { selected, info } = use;
    if (selected.name === TYPE_NAME) {
      answers.push(Promise.resolve(selected.type.name));
      continue;
    }
    let isAsked = false;
    const waiting: Caller = {
      ...caller,
      dispatch(body, place) {
        if (isAsked) return caller.dispatch(body, place);
        isAsked = true;
        requireTransactional(body, caller);
        return new Promise((answer) => { steps.push({ use, body, answer }); });
      },
    };
    try {
      const answer = Promise.resolve(fields[selected.name]!.resolve(selected.arguments, new Root(waiting, info)));
      // Whoever waits for it comes later, or not at all.
      answer.catch(() => {});
      answers.push(answer);
    } catch (error) {
      return { steps, answers, refused: located(error, use) };
    }
  }
  return { steps, answers, refused: null };
}

function requireTransactional(body: OperationBody, { parts: { catalog } }: Caller): void {
  if (body.kind === "restore") throw fault("NOT_IN_BATCH", "restore is a request of its own.");
  const callable = body.kind === "action" ? catalog.tables.get(body.table)!.actions.get(body.name) : body.kind === "endpoint" ? catalog.endpoints.get(body.name) : undefined;
  if (callable !== undefined && callable.transaction !== "SERIALIZABLE") throw fault("NOT_IN_BATCH", `${callable.name} runs outside of transactions.`);
}

const PLACE = /^operations\[(\d+)\]\.?/;

/** The batch names its operation; here it is a field. */
function placed(error: unknown, steps: readonly Step[]): GraphQLError {
  const index = error instanceof AmbitError ? PLACE.exec(error.extras.where ?? "")?.[1] : undefined;
  const step = index === undefined ? undefined : steps[Number(index)];
  if (!(error instanceof AmbitError) || step === undefined) return located(error, steps[0]!.use);
  const { where = "", ...extras } = error.extras;
  const rest = where.replace(PLACE, "");
  return located(new AmbitError(error.status, error.code, error.message, { ...extras, ...(rest === "" ? {} : { where: rest }) }), step.use);
}

class Pass implements BatchPass {
  readonly results: Result[] = [];
  readonly #steps: readonly Step[];
  readonly #caller: Caller;

  constructor(steps: readonly Step[], caller: Caller) {
    this.#steps = steps;
    this.#caller = caller;
  }

  step(index: number, dispatch: Parameters<BatchPass["step"]>[1]): void | Promise<void> {
    return whenReady(dispatch(this.#caller.operation(this.#steps[index]!.body)), (result) => { this.results[index] = result; });
  }

  isReferred(): boolean {
    return false;
  }

  /** What a repetition of the request answers from. */
  answers(): JsonText {
    return new JsonText(`[${this.results.map(({ body, status, affected, nextCursor, range }) =>
      `{${body === undefined ? "" : `"body":${body instanceof JsonText ? body.text : JSON.stringify(body)},`}"more":${JSON.stringify({ status, affected, nextCursor, range })}}`).join(",")}]`);
  }
}

/** What `answers` wrote. */
function kept(body: Result["body"]): readonly Result[] {
  const texts = (body instanceof JsonText ? JSON.parse(body.text) : body) as readonly { readonly body?: Json; readonly more: Pick<Result, "status" | "affected" | "nextCursor" | "range"> }[];
  return texts.map((one) => ({ body: one.body, version: null, createdId: null, scanned: false, replayed: true, public: false, ...one.more }));
}
