import { type EngineStream, type StreamListener } from '@raftway/http2';
import { gatewayStopping } from '../domain/refusal';
import { MemoryBudget } from '../proxy/memory-budget';
import { OpenCalls } from '../proxy/open-calls';
import { PendingCall } from './pending-call';

/** A call that is being judged, what it shares with others, and what its stream was told. */
function pending() {
  const memory = new MemoryBudget(1000);
  const openCalls = new OpenCalls();
  const released: number[] = [];
  const refused: string[] = [];
  const stream = {
    setListener: () => undefined,
    release: (bytes: number) => released.push(bytes),
  } as unknown as EngineStream;
  const call = new PendingCall(stream, { memory, openCalls }, ({ reason }) => {
    refused.push(reason);
  });
  return { call, memory, openCalls, released, refused };
}

describe('a call that is being judged', () => {
  it('counts what its client sends meanwhile until it is handed on, in its order', () => {
    const { call, memory, openCalls } = pending();
    const told: string[] = [];
    const listener = {
      onData: (chunk: Uint8Array) => told.push(String(chunk)),
      onEnd: () => told.push('end'),
    } as unknown as StreamListener;
    call.onData(Buffer.from('abc'));
    call.onData(Buffer.from('de'));
    call.onEnd();

    expect([memory.usedBytes, openCalls.size]).toEqual([5, 1]);
    call.pass((taken) => taken.setListener(listener));

    expect(told).toEqual(['abc', 'de', 'end']);
    expect([memory.usedBytes, openCalls.size]).toEqual([0, 0]);
  });

  it('gives back what it holds when it is refused, once, and what comes after that', () => {
    const { call, memory, released, refused } = pending();
    call.onData(Buffer.from('abc'));

    call.stop(gatewayStopping());
    call.stop(gatewayStopping());
    call.onData(Buffer.from('de'));

    expect(released).toEqual([3, 2]);
    expect(refused).toEqual(['GATEWAY_STOPPING']);
    expect(memory.usedBytes).toBe(0);
  });

  it('is handed to nobody when its client has gone', () => {
    const { call, memory } = pending();
    call.onData(Buffer.from('abc'));
    call.onReset();

    const taken: EngineStream[] = [];
    call.pass((stream) => taken.push(stream));

    expect(taken).toEqual([]);
    expect(memory.usedBytes).toBe(0);
  });
});
