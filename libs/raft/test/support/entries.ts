import { type Entry, EntryKind, type Persist } from '../../src/core';

/** An entry with a payload of text. */
export function entryOf(index: number, term: number, payload = `entry ${index}`): Entry {
  return {
    version: 1,
    index,
    term,
    kind: EntryKind.command,
    stampMs: index * 10,
    clientId: index % 2 === 0 ? `client-${index}` : '',
    sequence: index % 2,
    payload: Buffer.from(payload, 'utf8'),
  };
}

/** Entries from one index to another in one term. */
export function entriesOf(from: number, to: number, term = 1): Entry[] {
  return Array.from({ length: to - from + 1 }, (_, at) => entryOf(from + at, term));
}

/** A write as the core would ask for it. */
export function persistOf(number: number, fields: Partial<Persist>): Persist {
  return { number, hardState: undefined, entries: [], snapshot: undefined, ...fields };
}

/** Equal content, whatever class the bytes have. */
export function plain(entries: readonly Entry[]): unknown[] {
  return entries.map((entry) => ({
    ...entry,
    payload: Buffer.from(entry.payload).toString('hex'),
  }));
}
