// The plans; companies and their contracts come by themselves.
export default function seed(): Record<string, Record<string, unknown>[]> {
  return {
    Plan: [
      { id: "starter", title: "Starter", price: 1_900, includedUnits: 1_000, seats: 5 },
      { id: "team", title: "Team", price: 9_900, includedUnits: 10_000, seats: 25 },
    ],
  };
}
