// What `stopWhen` of a rollout sees: how the candidate does, and the champion beside it. Pure.
import type { RecordValues } from "../../base/value.ts";
import type { InputField, ObjectType, TypeRef } from "../../schema/catalog.ts";
import { noLimits } from "../../schema/coerce-value.ts";
import type { ArmCounts } from "../../storage/rollout-rows.ts";

const typed = (name: string): TypeRef => ({ kind: "scalar", name, list: false, required: true, itemRequired: false });
const member = (name: string, type: TypeRef): [string, InputField] => [name, { name, description: null, position: { file: "", line: 1, column: 1 }, type, defaultValue: undefined, limits: noLimits }];
const objectOf = (name: string, members: readonly (readonly [string, TypeRef])[]): ObjectType => ({ name, description: null, kind: "object", fields: new Map(members.map(([one, type]) => member(one, type))) });

/** `runs` counts; all others are shares of the runs, but `latency`, milliseconds of a run, and `cost`, millionths of the currency's unit of a run. */
const OF_ARM: readonly (readonly [string, TypeRef])[] = [
  ["runs", typed("Int")], ["fallbacks", typed("Float")], ["refused", typed("Float")], ["failed", typed("Float")], ["violations", typed("Float")], ["latency", typed("Float")], ["cost", typed("Float")],
];
const CHAMPION = objectOf("@stats champion", OF_ARM);
const ALL = objectOf("@stats", [
  ...OF_ARM,
  // Runs beside the champion, and the share of them that said the same. 1 as long as there are none.
  ["compared", typed("Int")], ["agreement", typed("Float")],
  ["champion", { ...typed(CHAMPION.name), kind: "object" }],
]);

export const statsTypes: readonly ObjectType[] = [CHAMPION, ALL];
export const STATS: TypeRef = { ...typed(ALL.name), kind: "object" };

export interface RolloutCounts { readonly candidate: ArmCounts; readonly champion: ArmCounts }

export function statsOf({ candidate, champion }: RolloutCounts): RecordValues {
  return { ...ofArm(candidate), compared: candidate.compared, agreement: candidate.compared === 0 ? 1 : candidate.agreed / candidate.compared, champion: ofArm(champion) };
}

function ofArm({ runs, fallbacks, refused, failed, violations, durationMs, costMicros }: ArmCounts): RecordValues {
  const each = (sum: number): number => (runs === 0 ? 0 : sum / runs);
  return { runs, fallbacks: each(fallbacks), refused: each(refused), failed: each(failed), violations: each(violations), latency: each(durationMs), cost: each(costMicros) };
}
