// Every rule of the schema, in the order of their files. A rule sees the same context as all others and reports all it finds.
import type { Rule } from "../compile-context.ts";
import { accountShape } from "./account-shape.ts";
import { allowGrants } from "./allow-grants.ts";
import { allowVerbs } from "./allow-verbs.ts";
import { channelKeys } from "./channel-keys.ts";
import { computedShape } from "./computed-shape.ts";
import { currencySource } from "./currency-source.ts";
import { decisionAmounts } from "./decision-amounts.ts";
import { commitmentShape, decisionShape } from "./decision-shape.ts";
import { decisionSources } from "./decision-sources.ts";
import { defaultSource } from "./default-source.ts";
import { directiveArguments } from "./directive-arguments.ts";
import { directivePlaces } from "./directive-places.ts";
import { embedShape } from "./embed-shape.ts";
import { duplicateNames } from "./duplicate-names.ts";
import { effectShape } from "./effect-shape.ts";
import { endlessTypes } from "./endless-types.ts";
import { fieldAccess } from "./field-access.ts";
import { fieldKinds } from "./field-kinds.ts";
import { filledFields } from "./filled-fields.ts";
import { grantsShape } from "./grants-shape.ts";
import { httpPaths } from "./http-paths.ts";
import { indexShape } from "./index-shape.ts";
import { interfaceFields } from "./interface-fields.ts";
import { jobSchedules } from "./job-schedules.ts";
import { jsonLiterals } from "./json-literals.ts";
import { limitRanges } from "./limit-ranges.ts";
import { limitShape } from "./limit-shape.ts";
import { memoryShape } from "./memory-shape.ts";
import { rolloutShape } from "./rollout-shape.ts";
import { namesInArguments } from "./names-in-arguments.ts";
import { notAvailable } from "./not-available.ts";
import { outsideNames } from "./outside-names.ts";
import { pageShape } from "./page-shape.ts";
import { patterns } from "./patterns.ts";
import { personalShape } from "./personal-shape.ts";
import { primaryKeys } from "./primary-keys.ts";
import { relationShape } from "./relation-shape.ts";
import { renamedNames } from "./renamed-names.ts";
import { reservedNames } from "./reserved-names.ts";
import { reservedPaths } from "./reserved-paths.ts";
import { roleSpelling } from "./role-spelling.ts";
import { searchShape } from "./search-shape.ts";
import { secretShape } from "./secret-shape.ts";
import { sourceShape } from "./source-shape.ts";
import { tenantFields } from "./tenant-fields.ts";
import { tenantRelations } from "./tenant-relations.ts";
import { typeKinds } from "./type-kinds.ts";
import { typeNames } from "./type-names.ts";
import { typeShapes } from "./type-shapes.ts";
import { unknownDirectives } from "./unknown-directives.ts";
import { webhookShape } from "./webhook-shape.ts";

export const allRules: readonly Rule[] = [
  accountShape, allowGrants, allowVerbs, channelKeys, computedShape, currencySource, decisionAmounts, decisionShape, commitmentShape, decisionSources, defaultSource,
  directiveArguments, directivePlaces, duplicateNames, effectShape, embedShape, endlessTypes, fieldAccess, fieldKinds,
  filledFields, grantsShape, httpPaths, indexShape, interfaceFields, jobSchedules,
  jsonLiterals, limitRanges, limitShape, memoryShape, namesInArguments, notAvailable, outsideNames,
  pageShape, patterns, personalShape, primaryKeys, relationShape, renamedNames, reservedNames, reservedPaths, rolloutShape,
  roleSpelling, searchShape, secretShape, sourceShape, tenantFields, tenantRelations, typeKinds, typeNames,
  typeShapes, unknownDirectives, webhookShape,
];
