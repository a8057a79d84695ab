// The events of a followed field as they were selected, from frames that all who follow the same query share.
import type { FieldNode } from "graphql";
import { print } from "graphql/language/printer";
import { unreachable } from "../../base/assert.ts";
import type { LiveChange, LiveFrame } from "../../resources/live-frame.ts";
import { JsonText } from "../../resources/operation.ts";
import type { Table } from "../../schema/catalog.ts";
import { groupShape, recordShape, type Row, type Shape } from "./answer-shape.ts";
import { objectText, type Root } from "./root-field.ts";
import { TYPE_NAME, type Selected } from "./selected-fields.ts";

interface Place { readonly table: Table; readonly root: Root }
type Member = readonly [key: string, value: (frame: LiveFrame) => unknown];

export function recordEvents(selected: readonly Selected[], place: Place): (frame: LiveFrame) => JsonText {
  const { table, root } = place;
  const changes = selected.filter(({ name }) => name === "changes");
  const inRecords = [...selected.filter(({ name }) => name === "rows"), ...changes.flatMap((one) => root.below(one)).filter(({ name }) => name === "record")];
  const isOne = new Set(inRecords.flatMap(({ nodes }) => nodes).map(printed)).size === 1;
  const shapeOf = (one: Selected): RowShape => {
    const fields = root.below(one);
    const shape = recordShape(fields, { table, source: "plan" }, root.shapes);
    // A row of what is followed always has its key, and all that is selected of it anywhere.
    const isWhole = isOne && shape.ready && fields.some(({ key, name }) => key === name && name === table.primaryKey);
    return { shape, isWhole };
  };
  return eventOf(selected.map((one): Member => {
    switch (one.name) {
      case "rows": {
        const shape = shapeOf(one);
        return [one.key, (frame) => (frame.op === "snapshot" ? shapedText(frame.rows, shape) : null)];
      }
      case "changes": {
        const change = changeWriter(root.below(one), one.type.name, shapeOf);
        return [one.key, (frame) => (frame.op === "change" ? new JsonText(`[${frame.changes.map((told) => change(told).text).join(",")}]`) : null)];
      }
      default: return frameMember(one, root);
    }
  }));
}

/** Groups have no key: they are told as a whole. */
export function groupEvents(selected: readonly Selected[], { table, root }: Place): (frame: LiveFrame) => JsonText {
  return eventOf(selected.map((one): Member => {
    if (one.name !== "rows") return frameMember(one, root);
    const shape = groupShape(root.below(one), { table, type: one.type }, root.shapes);
    return [one.key, (frame) => (frame.op === "snapshot" ? shapedText(frame.rows, { shape, isWhole: false }) : null)];
  }));
}

function eventOf(members: readonly Member[]): (frame: LiveFrame) => JsonText {
  return (frame) => objectText(members.map(([key, value]) => [key, value(frame)]));
}

/** `isWhole`: the row's text is the answer. */
interface RowShape { readonly shape: Shape; readonly isWhole: boolean }

function shapedText(text: string, { shape, isWhole }: RowShape): JsonText {
  return new JsonText(isWhole ? text : JSON.stringify(shape.ofAny(JSON.parse(text) as Row | readonly Row[])));
}

function changeWriter(selected: readonly Selected[], typeName: string, shapeOf: (one: Selected) => RowShape): (change: LiveChange) => JsonText {
  const members = selected.map((one): readonly [string, (change: LiveChange) => unknown] => {
    switch (one.name) {
      case TYPE_NAME: return [one.key, () => typeName];
      case "type": return [one.key, ({ type }) => type.toUpperCase()];
      case "key": return [one.key, ({ key }) => new JsonText(key)];
      default: {
        const shape = shapeOf(one);
        return [one.key, (change) => (change.type === "leave" ? null : shapedText(change.record, shape))];
      }
    }
  });
  return (change) => objectText(members.map(([key, value]) => [key, value(change)]));
}

function frameMember({ key, name }: Selected, root: Root): Member {
  switch (name) {
    case TYPE_NAME: return [key, () => root.type.name];
    case "op": return [key, opOf];
    case "position": return [key, (frame) => (frame.op === "snapshot" || frame.op === "change" ? frame.position : null)];
    default: return [key, (frame) => (frame.op === "reset" ? frame.reason : null)];
  }
}

function opOf({ op }: LiveFrame): string {
  switch (op) {
    case "snapshot": return "SNAPSHOT";
    case "change": return "CHANGE";
    case "reset": return "RESET";
    case "gap": return "GAP";
    default: return unreachable(op);
  }
}

function printed({ selectionSet }: FieldNode): string {
  return selectionSet === undefined ? "" : print(selectionSet);
}
