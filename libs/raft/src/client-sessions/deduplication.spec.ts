import { BinaryWriter } from '../state-machine/binary-writer';
import { command, KeyValue } from '../../test/support/key-value';
import { type Entry, EntryKind } from '../core';
import { DeduplicatedStateMachine } from './deduplicated-state-machine';
import { DEDUPLICATION_LIMITS, type DeduplicationLimits } from './deduplication-table';

class Log {
  private index = 0;

  next(text: string, clientId = '', stampMs = 0, sequence = 0): Entry {
    this.index += 1;
    const payload = command(text);
    const kind = EntryKind.command;
    return { version: 1, index: this.index, term: 1, kind, stampMs, clientId, sequence, payload };
  }
}

function start(limits: Partial<DeduplicationLimits> = {}) {
  const inner = new KeyValue();
  const machine = new DeduplicatedStateMachine(inner, 512, { ...DEDUPLICATION_LIMITS, ...limits });
  return { inner, machine, log: new Log() };
}

describe('a state machine behind the deduplication table', () => {
  it('applies a retry once and yields the first result, index and time', () => {
    const { inner, machine, log } = start();
    const first = machine.apply(log.next('add a 1', 'c', 5));
    machine.apply(log.next('add a 1', '', 6));

    const retry = machine.apply(log.next('add a 1', 'c', 7));

    expect(first).toEqual({ index: 1, nowMs: 5, result: '1' });
    expect(retry).toEqual(first);
    expect(inner.values.get('a')).toBe('2');
  });

  it('carries the hash of its answers through a snapshot', () => {
    const log = new Log();
    const whole = new DeduplicatedStateMachine(new KeyValue(), 2);
    const restored = new DeduplicatedStateMachine(new KeyValue(), 2);
    for (let count = 0; count < 3; count += 1) whole.apply(log.next('add a 1', `c${count}`));
    restored.restore(whole.snapshot());
    const [before] = whole.takeCheckpoints();

    const entry = log.next('add a 1');
    whole.apply(entry);
    restored.apply(entry);

    const [after] = whole.takeCheckpoints();
    expect([before?.index, after?.index]).toEqual([2, 4]);
    expect(restored.takeCheckpoints()).toEqual([after]);
  });

  it('hashes what it answers, and which retries it recognises', () => {
    const hashOf = (...texts: readonly [text: string, clientId: string][]): unknown => {
      const log = new Log();
      const machine = new DeduplicatedStateMachine(new KeyValue(), 2);
      for (const [text, clientId] of texts) machine.apply(log.next(text, clientId));
      return machine.takeCheckpoints()[0]?.hash;
    };
    const hashes = [
      hashOf(['set a 1', ''], ['set a 1', '']),
      hashOf(['set a 1', ''], ['set a 2', '']),
      hashOf(['set a 1', 'x'], ['set a 1', 'x']),
    ];
    expect(new Set(hashes).size).toBe(3);
    expect(hashOf(['set a 1', 'x'], ['set a 2', 'y'])).toBe(hashes[1]);
  });

  it('uses the fingerprint of a state machine that has one', () => {
    const inner = Object.assign(new KeyValue(), { fingerprintResult: () => 5 });
    const hashes = ['set a 1', 'set a 2'].map((text) => {
      const machine = new DeduplicatedStateMachine(inner, 1);
      machine.apply(new Log().next(text));
      return machine.takeCheckpoints()[0]?.hash;
    });
    expect(hashes[0]).toBe(hashes[1]);
  });

  it('reads a snapshot of the format without a hash, and compares nothing for the time being', () => {
    const { inner, machine, log } = start();
    machine.apply(log.next('add a 1', 'c'));
    const newer = machine.snapshot();
    const state = inner.snapshot();
    const table = newer.subarray(6, newer.length - state.length);
    const older = new BinaryWriter().u8(1).raw(table).bytes(state).finish();
    const restored = new DeduplicatedStateMachine(new KeyValue(), 1);

    restored.restore(older);

    expect(restored.apply(log.next('add a 1', 'c'))?.result).toBe('1');
    expect(restored.takeCheckpoints()).toEqual([]);
  });

  it('writes its snapshot as it was when the slices were asked for, whatever is applied between two of them', () => {
    const { machine, log } = start({ entriesMax: 2000 });
    for (let at = 0; at < 2000; at++)
      machine.apply(log.next(`set k${at} ${'x'.repeat(50)}`, `c${at}`));
    const before = Buffer.from(machine.snapshot());

    const slices: Uint8Array[] = [];
    for (const slice of machine.snapshotSlices()) {
      slices.push(slice);
      machine.apply(log.next('set other x', `d${slices.length}`));
    }

    expect(slices.length).toBeGreaterThan(4);
    expect(Buffer.concat(slices).equals(before)).toBe(true);
  });

  it('tells requests of one client apart by sequence, in any order', () => {
    const { inner, machine, log } = start();
    machine.apply(log.next('add a 1', 'c', 0, 2));
    machine.apply(log.next('add a 1', 'c', 0, 1));
    machine.apply(log.next('add a 1', 'c', 0, 2));
    expect(inner.values.get('a')).toBe('2');
  });

  it('applies what carries no client id every time', () => {
    const { inner, machine, log } = start();
    for (let round = 0; round < 3; round++) machine.apply(log.next('add a 1'));
    expect(inner.values.get('a')).toBe('3');
  });

  it('forgets the oldest when there are too many', () => {
    const { inner, machine, log } = start({ entriesMax: 2 });
    for (const id of ['x', 'y', 'z']) machine.apply(log.next('add a 1', id));

    machine.apply(log.next('add a 1', 'z'));
    machine.apply(log.next('add a 1', 'y'));
    expect(inner.values.get('a')).toBe('3');
    machine.apply(log.next('add a 1', 'x'));
    expect(inner.values.get('a')).toBe('4');
  });

  it('forgets the oldest when results take too much room', () => {
    const { inner, machine, log } = start({ bytesMax: 500 });
    const text = 'x'.repeat(300);
    machine.apply(log.next(`set big ${text}`, 'a'));
    machine.apply(log.next(`set big ${text}`, 'b'));
    machine.apply(log.next('add n 1', 'b'));
    machine.apply(log.next('add n 1', 'a'));
    expect(inner.values.get('n')).toBe('1');
  });

  it('forgets by the log clock, at the same entry on every replica', () => {
    const { inner, machine, log } = start({ ageMsMax: 100 });
    machine.apply(log.next('add a 1', 'c', 0));
    machine.apply(log.next('add a 1', 'c', 99));
    expect(inner.values.get('a')).toBe('1');
    machine.apply(log.next('add a 1', 'c', 100));
    expect(inner.values.get('a')).toBe('2');
  });

  it('carries the table in snapshots, so that a restored replica does exactly the same', () => {
    const { machine, log } = start({ entriesMax: 3 });
    for (const id of ['w', 'x', 'y', 'z']) machine.apply(log.next('add a 1', id, 3));

    const restored = start({ entriesMax: 3 });
    restored.machine.restore(machine.snapshot());

    expect(Buffer.from(restored.machine.snapshot())).toEqual(Buffer.from(machine.snapshot()));
    const entry = log.next('add a 1', 'x', 4);
    expect(restored.machine.apply(entry)).toEqual(machine.apply(entry));
    expect(restored.inner.values.get('a')).toBe('4');
    const forgotten = log.next('add a 1', 'w', 4);
    expect(restored.machine.apply(forgotten)).toEqual(machine.apply(forgotten));
    expect(restored.inner.values.get('a')).toBe('5');
  });

  it('ends leases before every command and for expiry entries, and not for a leader’s empty entry', () => {
    const { inner, machine, log } = start();
    machine.apply(log.next('lease l 10', '', 0));
    machine.apply({ ...log.next(''), kind: EntryKind.noop, stampMs: 50 });
    expect(inner.values.get('l')).toBe('held');
    expect(machine.apply({ ...log.next(''), kind: EntryKind.expiry, stampMs: 10 })).toBeUndefined();
    expect(inner.values.get('l')).toBe('expired');
    expect(inner.appliedCount).toBe(1);
  });

  it('refuses a snapshot of another format', () => {
    const { machine } = start();
    const snapshot = Buffer.from(machine.snapshot());
    snapshot[0] = 9;
    expect(() => machine.restore(snapshot)).toThrow('snapshot format 9 is not understood');
  });
});
