// The refusal of a list where one record was asked for, in PostgREST's words: its clients look for them.
import { fault, type AmbitError } from "../base/error.ts";

export function notOneRecord(rows: number): AmbitError {
  return fault("NOT_ONE_RECORD", "JSON object requested, multiple (or no) rows returned", { details: `The result contains ${rows} rows` });
}
