import type { Contender, Measurement } from '../measure/contender';
import type { PeerProgram } from '../peers';
import type { Table } from '../report/table';
import type { Workbench } from '../workbench';

/** One comparison. */
export interface Suite {
  readonly name: 'locks' | 'gateway' | 'raft';
  readonly title: string;
  /** Programs that must be installed. */
  readonly programs: readonly PeerProgram[];
  /** Operations in flight, one measurement each. */
  readonly levels: readonly number[];
  /** The contender that the others are set in relation to. */
  readonly baseline: string;
  /** What one operation is. */
  readonly operation: string;
  /** How it is measured, and what is not comparable: one sentence a line. */
  readonly method: readonly string[];
  readonly targets: readonly Target[];
  /** Starts the servers. */
  prepare(bench: Workbench): Promise<readonly Contender[]>;
  /** What is measured besides, when the levels of load have been. @default nothing */
  supplement?(context: SupplementContext): Promise<readonly Supplement[]>;
}

/** What a suite's further measurements go by. */
export interface SupplementContext {
  /** Those that were measured. */
  readonly contenders: readonly Contender[];
  readonly measurements: readonly Measurement[];
  /** Of each measurement. */
  readonly seconds: number;
  readonly say: (text: string) => void;
}

/** A further table, and what it shows. */
export interface Supplement {
  readonly title: string;
  readonly table: Table;
  /** One sentence a line. */
  readonly method: readonly string[];
}

/** What we want to reach. */
export interface Target {
  readonly text: string;
  /** Ours divided by the baseline's, or the other way round: at least 1 = reached. */
  readonly score: (find: (contender: string, inFlight: number) => Measurement) => number;
}

/** How our contender is called in every suite. */
export const OURS = 'Raftway';
