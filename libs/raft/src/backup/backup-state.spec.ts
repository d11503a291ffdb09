import * as fc from 'fast-check';
import { entryOf } from '../../test/support/entries';
import { KeyValue } from '../../test/support/key-value';
import {
  DeduplicatedStateMachine,
  markReturn,
} from '../client-sessions/deduplicated-state-machine';
import { type Entry, EntryKind } from '../core';
import { BackupDecoder, encodeBackup } from './backup-file';

const commands = fc.array(
  fc.record({
    text: fc
      .tuple(fc.constantFrom('set', 'add', 'lease'), fc.constantFrom('a', 'b', 'c'), fc.nat(99))
      .map((words) => words.join(' ')),
    clientId: fc.constantFrom('', 'one', 'two'),
    sequence: fc.nat(3),
  }),
  { maxLength: 40 },
);

function entries(list: readonly { text: string; clientId: string; sequence: number }[]): Entry[] {
  return list.map(({ text, clientId, sequence }, at) => ({
    ...entryOf(at + 1, 1),
    ...{
      kind: EntryKind.command,
      stampMs: at * 10,
      clientId,
      sequence,
      payload: Buffer.from(text),
    },
  }));
}

function machineAfter(list: readonly Entry[]): DeduplicatedStateMachine<string> {
  const machine = new DeduplicatedStateMachine(new KeyValue(), 0);
  for (const entry of list) machine.apply(entry);
  return machine;
}

/** A snapshot without the hash of what was answered, which the mark goes into. */
function stateOf(machine: DeduplicatedStateMachine<string>): Uint8Array {
  return machine.snapshot().subarray(6);
}

const BACK = {
  ...{ index: 1000, nowMs: 0, indexGap: 900, sequenceGap: 0n, takenAtMs: 1, restoredAtMs: 2 },
};

describe('a state that went through a backup', () => {
  it('is the one at the index of the backup, whatever was applied while it was written, and answers the rest alike', () =>
    fc.assert(
      fc.asyncProperty(commands, fc.nat(40), async (list, cut) => {
        const log = entries(list);
        const before = machineAfter(log.slice(0, cut));
        const original = machineAfter(log.slice(0, cut));
        const slices = original.snapshotSlices();
        for (const entry of log.slice(cut)) original.apply(entry);
        const description = { service: 'kv', version: '0', takenAtMs: 0 };
        const place = { lastIncludedIndex: cut, lastIncludedTerm: 1, stampMs: 0 };
        const snapshot = { ...place, configuration: { clusterId: 'c', members: [] } };
        const data: Uint8Array[] = [markReturn(BACK)];
        const decoder = new BackupDecoder((piece) => void data.push(Uint8Array.from(piece)));

        for await (const piece of encodeBackup({ ...description, snapshot }, slices, 7)) {
          decoder.push(piece);
        }
        decoder.finish();
        const restored = new DeduplicatedStateMachine(new KeyValue(), 0);
        restored.restore(Buffer.concat(data));

        expect(stateOf(restored)).toEqual(stateOf(before));
        for (const entry of log.slice(cut)) restored.apply(entry);
        expect(stateOf(restored)).toEqual(stateOf(original));
      }),
    ));

  it('differs in the chain that replicas compare when it came back by another command', () => {
    const state = new DeduplicatedStateMachine(new KeyValue()).snapshot();
    const restoredBy = (restoredAtMs: number): Uint8Array => {
      const machine = new DeduplicatedStateMachine(new KeyValue());
      machine.restore(Buffer.concat([markReturn({ ...BACK, restoredAtMs }), state]));
      return machine.snapshot();
    };

    expect(restoredBy(2)).toEqual(restoredBy(2));
    expect(restoredBy(3)).not.toEqual(restoredBy(2));
  });

  it('comes back once: a backup within a backup is refused', () => {
    const state = new DeduplicatedStateMachine(new KeyValue()).snapshot();
    const twice = Buffer.concat([markReturn(BACK), markReturn(BACK), state]);

    expect(() => new DeduplicatedStateMachine(new KeyValue()).restore(twice)).toThrow(
      'a backup within a backup',
    );
  });
});
