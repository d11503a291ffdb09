/** What a node process is asked. */
export type Request =
  | { readonly type: 'status' }
  /** Keep so many proposals in flight until so many have been applied, or so long. */
  | {
      readonly type: 'load';
      readonly inFlight: number;
      readonly seconds: number;
      readonly operationsMax: number;
    };

/** What a node process says of itself. */
export interface Status {
  readonly leads: boolean;
  readonly appliedIndex: number;
  readonly residentBytes: number;
}

/** What a load has done, on the node that made it. */
export interface Load {
  readonly operations: number;
  readonly seconds: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}
