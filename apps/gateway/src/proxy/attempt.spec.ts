import { defaultLoadBalancing, SetAside } from '@raftway/load-balancing';
import { type ClientConnection, type EngineStream } from '@raftway/http2';
import { Backend } from '../domain/backend';
import { Attempt, type AttemptOwner } from './attempt';
import { type Upstream } from './upstream';

const nothing = (): void => undefined;

function givenAt(clock: { nowMs: number }) {
  const backend = new Backend({
    service: 'greeter',
    loadBalancing: { ...defaultLoadBalancing, hashHeader: undefined },
    protection: undefined,
    setAside: new SetAside(() => 0),
    onEjected: nothing,
  });
  const load = backend.load.of('0', 0);
  const identity = { key: '0', backend, service: 'greeter', instanceId: '0', address: 'there:1' };
  const endpoint = { ...identity, weight: 1, zone: '', load };
  const call = { upstreamHeaders: () => [], endsWithHeaders: true, onStreamOpen: nothing };
  const attempt = new Attempt(
    call as unknown as AttemptOwner,
    {} as Upstream,
    endpoint,
    () => clock.nowMs,
  );
  return { attempt, backend, endpoint };
}

describe('an attempt', () => {
  it('tells the backend once how it ended, and after how long, with the wait for a connection', () => {
    const clock = { nowMs: 100 };
    const { attempt, backend, endpoint } = givenAt(clock);
    const ends = jest.spyOn(backend, 'onEnded');
    expect(endpoint.load.active).toBe(1);
    clock.nowMs = 1100;
    attempt.tellFirstByte();
    clock.nowMs = 1600;

    attempt.tellEnd('abandoned', 1);
    attempt.tellEnd('answered', 0);

    expect(ends.mock.calls).toEqual([[endpoint, 'abandoned', 1, true, 1500, 1600]]);
    expect(endpoint.load.active).toBe(0);
  });

  it('says that nothing was answered when no byte came', () => {
    const { attempt, backend, endpoint } = givenAt({ nowMs: 0 });
    const ends = jest.spyOn(backend, 'onEnded');

    attempt.tellEnd('abandoned', 4);

    expect(ends.mock.calls).toEqual([[endpoint, 'abandoned', 4, false, 0, 0]]);
  });

  it('has the instance have the call since the stream was opened, and not since it waits', () => {
    const clock = { nowMs: 100 };
    const { attempt } = givenAt(clock);
    clock.nowMs = 2100;
    attempt.onConnection({ open: () => ({}) as EngineStream } as unknown as ClientConnection);
    clock.nowMs = 2600;

    expect(attempt.openMs).toBe(500);
  });
});
