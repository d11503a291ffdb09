import type { ServerCall } from '../server-call';
import type { GrpcStream } from './grpc-stream';

/** The requests of a call, decoded when they are asked for, so that HTTP/2's window holds back a client that is faster than the handler. */
export class RequestQueue implements AsyncIterableIterator<unknown, void, undefined> {
  private wakeReader: (() => void) | undefined;
  private stopped = false;

  constructor(
    private readonly stream: GrpcStream,
    private readonly call: ServerCall,
    private readonly decode: (bytes: Buffer) => unknown,
  ) {}

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** Something came, or the call was aborted. */
  wake(): void {
    this.wakeReader?.();
    this.wakeReader = undefined;
  }

  /** @throws ServiceError why the call was aborted, or for a request that is none. */
  async next(): Promise<IteratorResult<unknown, void>> {
    while (!this.stopped) {
      if (this.call.aborted !== undefined) throw this.call.aborted;
      const bytes = this.stream.take();
      if (bytes !== undefined) return { done: false, value: this.decode(bytes) };
      if (this.stream.isHalfClosed) break;
      await new Promise<void>((resolve) => (this.wakeReader = resolve));
    }
    return { done: true, value: undefined };
  }

  return(): Promise<IteratorResult<unknown, void>> {
    this.stopped = true;
    this.wake();
    return Promise.resolve({ done: true, value: undefined });
  }
}
