import { type EngineStream, type HeaderPairs } from '@raftway/http2';
import { MemoryBudget } from '../proxy/memory-budget';
import { OpenCalls } from '../proxy/open-calls';
import { LocalCall } from './local-call';

/** A client's stream that notes what it is given. */
class FakeStream implements EngineStream {
  readonly sent: number[] = [];
  released = 0;
  trailers: HeaderPairs | undefined;

  setListener(): void {}
  sendHeaders(): void {}
  reset(): void {}

  sendData(chunk: Uint8Array): void {
    this.sent.push(chunk.length);
  }

  sendEnd(trailers?: HeaderPairs): void {
    this.trailers = trailers;
  }

  release(bytes: number): void {
    this.released += bytes;
  }
}

const answerBytes = 10_000;
const frameBytes = answerBytes + 5;
/** A message of one byte. */
const request = Buffer.from([0, 0, 0, 0, 1, 7]);

/** A call that answers every request with so many bytes. */
function openCall(bytes = answerBytes) {
  const stream = new FakeStream();
  const memory = new MemoryBudget(1_000_000);
  const openCalls = new OpenCalls();
  const call = new LocalCall(stream, [], { memory, openCalls });
  let asked = 0;
  call.run(
    () => ({
      onMessage: () => {
        asked += 1;
        call.send(Buffer.alloc(bytes));
      },
      onHalfClose: () => call.end(),
      onClosed: () => undefined,
    }),
    false,
  );
  return { stream, memory, openCalls, call, asked: () => asked };
}

describe('a client that does not read the answers of a call of the gateway itself', () => {
  it('is asked for no further requests, and is answered when it reads on', () => {
    const { stream, call, asked } = openCall();

    for (let sent = 0; sent < 5; sent += 1) call.onData(request);
    call.onEnd();

    expect([asked(), stream.sent.length, stream.released]).toEqual([2, 2, 1 * request.length]);
    expect(stream.trailers).toBeUndefined();

    while (stream.sent.length > 0) call.onSent(stream.sent.shift() ?? 0);

    expect([asked(), stream.released]).toEqual([5, 5 * request.length]);
    expect(stream.trailers).toEqual(['grpc-status', '0']);
  });

  it('is counted among the bytes that the gateway holds, until they are sent or the call is over', () => {
    const { memory, call } = openCall();

    for (let sent = 0; sent < 3; sent += 1) call.onData(request);
    expect(memory.usedBytes).toBe(2 * frameBytes + request.length);

    call.onSent(frameBytes);
    expect(memory.usedBytes).toBe(2 * frameBytes);

    call.onClosed();
    expect(memory.usedBytes).toBe(0);
  });

  it('gets no answer that is larger than the limit', () => {
    const { stream, memory, call } = openCall(4 * 1024 * 1024);

    call.onData(request);

    expect(stream.trailers?.slice(0, 2)).toEqual(['grpc-status', '8']);
    expect(memory.usedBytes).toBe(0);
  });
});

describe('a call of the gateway itself', () => {
  it('is open until it ends, however it ends', () => {
    const ended = [
      (call: LocalCall) => call.end(),
      (call: LocalCall) => call.onReset(),
      (call: LocalCall) => call.onClosed(),
    ];

    const left = ended.map((end) => {
      const { call, openCalls } = openCall();
      end(call);
      return openCalls.size;
    });

    expect(left).toEqual([0, 0, 0]);
  });
});
