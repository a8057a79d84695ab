// Where the time of a CPU profile went, by part of a decision: each sample counts for the innermost frame that belongs to one.
interface Profile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string; readonly url: string }; readonly children?: readonly number[] }[];
  readonly samples: readonly number[];
  readonly timeDeltas?: readonly number[];
}

/** The innermost frame of the first group that has one names the part: what audit, bounds and contexts do within the commit is theirs. */
const GROUPS: readonly (readonly (readonly [part: string, place: RegExp])[])[] = [
  [["audit", /\/decisions\/audit\//], ["bounds", /\/decisions\/bounds\/|\/expression\/evaluate-strict/], ["context", /\/decisions\/context\//], ["model", /\/models\/|\/@ai-sdk\/|bench\/decisions\/model|outbound/]],
  [["commit", /\/decisions\/(?:run|effects)\/|\/resources\/(?:run-body|buffered-work)|\/storage\/(?:committer|batch)/], ["loop", /\/decisions\//]],
  [["http", /\/interfaces\/|\/access\/|\/resources\//]],
];
const REST = "rest";

/** Shares of the busy time, by part, largest first. */
export function sharesOf(profile: Profile): ReadonlyMap<string, number> {
  const parents = new Map(profile.nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const partOf = (id: number): string => {
    for (const group of GROUPS) {
      for (let at: number | undefined = id; at !== undefined; at = parents.get(at)) {
        const { url } = nodes.get(at)!.callFrame;
        const found = group.find(([, place]) => place.test(url));
        if (found !== undefined) return found[0];
      }
    }
    return REST;
  };
  const shares = new Map<string, number>();
  let total = 0;
  profile.samples.forEach((id, index) => {
    if (/^\((?:idle|program|root)\)$/.test(nodes.get(id)?.callFrame.functionName ?? "")) return;
    const weight = profile.timeDeltas?.[index] ?? 1;
    total += weight;
    const part = partOf(id);
    shares.set(part, (shares.get(part) ?? 0) + weight);
  });
  return new Map([...shares].map(([part, sum]) => [part, sum / total] as const).toSorted(([, left], [, right]) => right - left));
}
