import { type BinaryReader, type BinaryWriter, fingerprint } from '@raftway/raft/state-machine';

/** What must be so for a transaction to change anything. */
export type ConfigCondition =
  /** The entry was set last at this revision; 0 = there is none. */
  | { readonly kind: 'entry'; readonly key: string; readonly revision: number }
  /** Nothing below the prefix was set or removed after this revision. */
  | { readonly kind: 'prefix'; readonly prefix: string; readonly revision: number };

/** One change; a text that is undefined is removed. */
export interface ConfigOperation {
  readonly key: string;
  readonly value: string | undefined;
}

/** Every change of configuration is one of these. */
export interface ConfigTransaction {
  readonly kind: 'configTransaction';
  readonly conditions: readonly ConfigCondition[];
  /** Each about another key. */
  readonly operations: readonly ConfigOperation[];
  /** Where revisions begin if nothing was ever configured; see the registration's `firstRevision`. */
  readonly firstRevision: number;
}

/** The numbers are in every log and never change. */
const CONDITION = { entry: 1, prefix: 2 } as const;
const OPERATION = { put: 1, remove: 2 } as const;

/** An empty condition or operation: its kind, an empty text, and what follows. */
const ITEM_BYTES_MIN = 3;

/** Tells two transactions apart when they came with one request id. */
export function transactionFingerprint({ conditions, operations }: ConfigTransaction): number {
  return fingerprint('config', JSON.stringify([conditions, operations]));
}

export function writeTransaction(writer: BinaryWriter, command: ConfigTransaction): void {
  writer.list(command.conditions, (condition) => {
    writer.u8(CONDITION[condition.kind]);
    writer.text(condition.kind === 'entry' ? condition.key : condition.prefix);
    writer.uint53(condition.revision);
  });
  writer.list(command.operations, ({ key, value }) => {
    writer.u8(value === undefined ? OPERATION.remove : OPERATION.put).text(key);
    if (value !== undefined) writeValue(writer, value);
  });
  writer.uint53(command.firstRevision);
}

/** A text that may be longer than the 64 KiB of other texts. */
export function writeValue(writer: BinaryWriter, value: string): void {
  writer.bytes(Buffer.from(value));
}

/** Reads what {@link writeValue} has written. */
export function readValue(reader: BinaryReader): string {
  return Buffer.from(reader.bytes()).toString();
}

/** Undefined for bytes that are no transaction. */
export function readTransaction(reader: BinaryReader): ConfigTransaction | undefined {
  let isKnown = true;
  const conditions = reader.list(ITEM_BYTES_MIN, (): ConfigCondition => {
    const kind = reader.u8();
    const name = reader.text();
    const revision = reader.uint53();
    if (kind === CONDITION.entry) return { kind: 'entry', key: name, revision };
    isKnown &&= kind === CONDITION.prefix;
    return { kind: 'prefix', prefix: name, revision };
  });
  const operations = reader.list(ITEM_BYTES_MIN, (): ConfigOperation => {
    const kind = reader.u8();
    const key = reader.text();
    if (kind === OPERATION.put) return { key, value: readValue(reader) };
    isKnown &&= kind === OPERATION.remove;
    return { key, value: undefined };
  });
  const firstRevision = reader.uint53();
  if (!isKnown) return undefined;
  return { kind: 'configTransaction', conditions, operations, firstRevision };
}
