// What a machine may change in the schema so that stored records allow it again: the cautious way out of each difference. Data only.

export type Remedy =
  | { readonly make: "nullable"; readonly field: string }
  /** Back to the type it had; SDL. */
  | { readonly make: "typed"; readonly field: string; readonly type: string }
  /** Taken in again. */
  | { readonly make: "present"; readonly field: string; readonly type: string }
  | { readonly make: "renamed"; readonly field: string; readonly from: string }
  | { readonly make: "renamed-type"; readonly to: string; readonly from: string }
  /** Of the enum that the field has. */
  | { readonly make: "values"; readonly field: string; readonly values: readonly string[] }
  | { readonly make: "not-unique"; readonly fields: readonly string[] }
  | { readonly make: "unchecked"; readonly rule: string }
  /** Relations that go by keys of which some lead nowhere. */
  | { readonly make: "unrelated"; readonly keys: readonly string[] };
