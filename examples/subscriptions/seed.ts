// The plans, and how money is asked for again; companies and their contracts come by themselves.
export default function seed(): Record<string, Record<string, unknown>[]> {
  return {
    Plan: [
      { id: "starter", title: "Starter", price: 1_900, includedUnits: 1_000, seats: 5, tiers: [{ upTo: null, perThousand: 300 }] },
      { id: "team", title: "Team", price: 9_900, includedUnits: 10_000, seats: 25, tiers: [{ upTo: 100_000, perThousand: 125 }, { upTo: null, perThousand: 50 }] },
      { id: "business", title: "Business", price: 49_900, includedUnits: 100_000, seats: 200, tiers: [{ upTo: null, perThousand: 40 }] },
    ],
    RetryPlan: [
      { id: "quiet", title: "Try again in five days, tell nobody", mails: 0 },
      { id: "gentle", title: "Try again in three days, tell the owner", mails: 1 },
      { id: "firm", title: "Try again tomorrow, tell the owner and the bookkeepers", mails: 3 },
    ],
  };
}
