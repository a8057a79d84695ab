import { endpoints, jobs } from "ambit";

const CALLERS = 64;
let done = 0;

export const Endpoints = endpoints({
  async load(ctx, { count }) {
    let next = 0;
    await Promise.all(Array.from({ length: CALLERS }, async () => { while (next < count) await ctx.enqueue("work", { number: next++ }); }));
    return count;
  },
  async done() { return done; },
});

export const Jobs = jobs({
  async work(_, { number }) {
    done++;
    return number;
  },
});
