// What all writers of the kill test change together: accounts and a counter, whose sums must fit what was written down beside them.
import { expect } from "bun:test";
import type { HttpCaller } from "../processes/http-caller.ts";
import { accounts, counter, OPENING_BALANCE } from "./crash-app.ts";
import type { Writer } from "./writer.ts";

export interface Shared { readonly caller: HttpCaller; readonly writers: readonly Writer[] }

interface Transfer { readonly reference: string; readonly fromId: string; readonly toId: string; readonly amount: number }

const PAGE_ROWS = 10_000;

export async function checkShared({ caller, writers }: Shared): Promise<void> {
  const transfers = await all<Transfer>(caller, "/Transfer?select=reference,fromId,toId,amount");
  const hits = await all<{ reference: string }>(caller, "/Hit?select=reference");
  const balances = new Map<string, number>(accounts.map((id) => [id, OPENING_BALANCE]));
  for (const { fromId, toId, amount } of transfers) {
    balances.set(fromId, balances.get(fromId)! - amount);
    balances.set(toId, balances.get(toId)! + amount);
  }
  const stored = (await caller.get("/Account?select=id,balance&order=id")).json<{ id: string; balance: string }[]>();
  expect(stored.map(({ id, balance }) => [id, Number(balance)])).toEqual([...balances]);
  expect((await caller.get(`/Counter/${counter}?select=value`)).json()).toEqual({ value: hits.length });
  const done = [...transfers, ...hits].map(({ reference }) => reference);
  const once = new Set(done);
  expect(once.size).toBe(done.length);
  const certain = new Set(writers.flatMap(({ references }) => [...references]));
  const doubtful = new Set(writers.flatMap((writer) => [...writer.doubtful]));
  expect([...certain].filter((reference) => !once.has(reference))).toEqual([]);
  expect(done.filter((reference) => !certain.has(reference) && !doubtful.has(reference))).toEqual([]);
}

async function all<Row>(caller: HttpCaller, path: string): Promise<Row[]> {
  const rows: Row[] = [];
  for (;;) {
    const page = (await caller.get(`${path}&order=id&limit=${PAGE_ROWS}&offset=${rows.length}`)).json<Row[]>();
    rows.push(...page);
    if (page.length < PAGE_ROWS) return rows;
  }
}
