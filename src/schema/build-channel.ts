// One channel of the Catalog from its declaration. Best effort: what is wrong is left out, never guessed.
import type { Channel } from "./catalog.ts";
import { buildField } from "./build-field.ts";
import { allowRules } from "./build-rules.ts";
import { usageOf } from "./build-usage.ts";
import { exportNameOf } from "./build-table.ts";
import type { CompileContext } from "./compile-context.ts";
import { isSet, textOf, textsOf, useOf, type DeclaredType } from "./declarations.ts";
import { positionAt, startOf } from "./source-text.ts";

export function buildChannel(type: DeclaredType, context: CompileContext): Channel {
  const use = useOf(type, "channel");
  const exportName = exportNameOf(type);
  const fields: Channel["fields"] = new Map(type.fields.map((field) => [field.name, buildField(field, context)]));
  return {
    name: type.name,
    description: type.node.description?.value ?? null,
    position: positionAt(context.source, startOf(type.node.name)),
    exportName,
    exportOver: exportName === null ? [] : textsOf(useOf(type, "export"), "over") ?? [],
    key: textOf(use, "key") ?? type.fields[0]?.name ?? "",
    fields,
    allow: allowRules(type, context.source),
    presence: isSet(use, "presence"),
    ...usageOf(type),
  };
}
