// A position as clients are given it: text of epoch, partition and position, opaque to them. An epoch other than that of the data
// (storage/epoch.ts) says that the position belongs to another history: after a restore, for one.
export interface WirePosition {
  readonly epoch: string;
  /** Always 0 without a cluster. */
  readonly partition: number;
  readonly position: number;
}

export function positionText(epoch: string, position: number): string {
  return `${epoch}.0.${position}`;
}

/** Null where the text is none that `positionText` made. */
export function readPosition(text: string): WirePosition | null {
  const parts = /^([0-9a-f]{12})\.(0)\.(0|[1-9][0-9]{0,15})$/.exec(text);
  const position = Number(parts?.[3]);
  return parts === null || !Number.isSafeInteger(position) ? null : { epoch: parts[1]!, partition: Number(parts[2]), position };
}
