import { registry } from '@raftway/contracts';
import { testInstance } from './testing';
import { WatchedState } from './watched-state';

const { EXPIRED } = registry.RemovedInstance_Reason;

function instance(service: string, instanceId: string, modifiedRevision = 1n): registry.Instance {
  return { ...testInstance({ service, instanceId }), modifiedRevision };
}

function snapshot(...instances: registry.Instance[]): registry.WatchSnapshot {
  return { instances, incomplete: false };
}

function names(state: WatchedState): string[] {
  return [...state.services.values()].flatMap((instances) =>
    instances.map(({ service, instanceId }) => `${service}/${instanceId}`),
  );
}

describe('WatchedState', () => {
  it('takes over a snapshot, and says what is new and what is gone', () => {
    const state = new WatchedState();
    state.applySnapshot(snapshot(instance('a', '1'), instance('a', '2')), 5n);

    const change = state.applySnapshot(snapshot(instance('a', '2'), instance('b', '1', 7n)), 9n);

    expect(names(state)).toEqual(['a/2', 'b/1']);
    expect(change?.upserts.map(({ service }) => service)).toEqual(['b']);
    expect(change?.removals).toEqual([{ service: 'a', instanceId: '1', reason: 'unspecified' }]);
    expect(change?.services).toEqual(new Set(['a', 'b']));
    expect(state.revision).toBe(9n);
  });

  it('reports no change for a snapshot of what it knows', () => {
    const state = new WatchedState();
    state.applySnapshot(snapshot(instance('a', '1')), 5n);

    expect(state.applySnapshot(snapshot(instance('a', '1')), 6n)).toBeUndefined();
  });

  it('shows nothing of a snapshot before its last part', () => {
    const state = new WatchedState();
    state.applySnapshot(snapshot(instance('a', '1')), 5n);

    const early = state.applySnapshot({ instances: [instance('b', '1')], incomplete: true }, 9n);
    const meanwhile = names(state);
    state.applySnapshot(snapshot(instance('b', '2')), 9n);

    expect(early).toBeUndefined();
    expect(meanwhile).toEqual(['a/1']);
    expect(names(state)).toEqual(['b/1', 'b/2']);
  });

  it('forgets the parts of a snapshot whose stream broke', () => {
    const state = new WatchedState();
    state.applySnapshot({ instances: [instance('b', '1')], incomplete: true }, 9n);

    state.streamBroke();
    state.applySnapshot(snapshot(instance('a', '1')), 9n);

    expect(names(state)).toEqual(['a/1']);
    expect(state.revision).toBe(9n);
  });

  it('keeps the revision to resume from while a snapshot is incomplete', () => {
    const state = new WatchedState();

    state.applySnapshot({ instances: [instance('b', '1')], incomplete: true }, 9n);

    expect(state.revision).toBe(0n);
  });

  it('applies removals before upserts, so that what came back is last', () => {
    const state = new WatchedState();
    state.applySnapshot(snapshot(instance('a', '1'), instance('a', '2')), 5n);

    const removals = [{ service: 'a', instanceId: '1', reason: EXPIRED }];
    const change = state.applyDelta({ removals, upserts: [instance('a', '1', 7n)] }, 7n);

    expect(names(state)).toEqual(['a/2', 'a/1']);
    expect(change?.removals).toEqual([]);
    expect(change?.upserts).toHaveLength(1);
  });

  it('keeps the place of a changed instance and the lists of services that did not change', () => {
    const state = new WatchedState();
    state.applySnapshot(snapshot(instance('a', '1'), instance('a', '2'), instance('b', '1')), 5n);
    const untouched = state.services.get('b');

    state.applyDelta({ removals: [], upserts: [instance('a', '1', 7n)] }, 7n);

    expect(names(state)).toEqual(['a/1', 'a/2', 'b/1']);
    expect(state.services.get('b')).toBe(untouched);
  });

  it('applies a delta twice as once', () => {
    const state = new WatchedState();
    const removals = [{ service: 'a', instanceId: '9', reason: EXPIRED }];
    const delta = { removals, upserts: [instance('a', '1', 7n)] };
    state.applyDelta(delta, 7n);

    expect(state.applyDelta(delta, 7n)).toBeUndefined();
    expect(names(state)).toEqual(['a/1']);
  });

  it('notices a replica of the registry that has moved, whose revision never changes', () => {
    const state = new WatchedState();
    const replica = instance('registry', 'registry-1');
    state.applySnapshot(snapshot(replica), 5n);

    const moved = { ...replica, address: '10.9.9.9:1' };
    const change = state.applyDelta({ removals: [], upserts: [moved] }, 5n);

    expect(change?.upserts).toEqual([moved]);
  });
});
