import type { MethodDefinition } from '@grpc/grpc-js';
import {
  afterReactions,
  type ClientConnection,
  FlushScheduler,
  FrameClientEngine,
  frameMessage,
  type HeaderPairs,
  headerValue,
  MessageReader,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { BenchError } from '../bench-error';

const CALL_TIMEOUT_MS = 30_000;
const MESSAGE_BYTES_MAX = 4 * 1024 * 1024;

const LIMITS = {
  connectTimeoutMs: 5000,
  connectionStreamsMax: 10_000,
  headerListBytesMax: 16 * 1024,
  headerCountMax: 100,
  streamBufferBytesMax: 256 * 1024,
  connectionMemoryBytesMax: 64 * 1024 * 1024,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 10_000,
};

/**
 * A client for unary calls, the same for all contenders, over one connection of its own. It shares two processors with the servers, so
 * that what it costs is missing there: hence it is the frame engine and not grpc-js, whose client costs more than most servers do.
 */
export class UnaryClient {
  private readonly connection: ClientConnection;
  private readonly ready: Promise<void>;

  /** @param address `host:port` */
  constructor(private readonly address: string) {
    const scheduler = new FlushScheduler(afterReactions());
    const engine = new FrameClientEngine(LIMITS, scheduler);
    let fail: (error: Error) => void = () => undefined;
    let succeed: () => void = () => undefined;
    this.ready = new Promise((resolve, reject) => {
      succeed = resolve;
      fail = reject;
    });
    this.ready.catch(() => undefined);
    this.connection = engine.connect(address, {
      onReady: () => succeed(),
      onCapacity: () => undefined,
      onDraining: () => undefined,
      onClosed: (detail) => fail(new BenchError(`${address}: ${detail}`)),
    });
  }

  /** Makes a call with the codec of a generated method. */
  async call<Request, Response>(
    method: Pick<
      MethodDefinition<Request, Response>,
      'path' | 'requestSerialize' | 'responseDeserialize'
    >,
    request: Request,
  ): Promise<Response> {
    return method.responseDeserialize(
      await this.callBytes(method.path, method.requestSerialize(request)),
    );
  }

  /** Makes a call whose messages are bytes. @param path `/package.Service/Method` */
  async callBytes(path: string, request: Uint8Array, metadata: HeaderPairs = []): Promise<Buffer> {
    await this.ready;
    if (!this.connection.hasCapacity) throw new BenchError(`${this.address} takes no more calls`);
    return new Promise((resolve, reject) => {
      const call = new UnaryCall(path, resolve, reject);
      const stream = this.connection.open(
        [...requestHeaders(this.address, path), ...metadata],
        false,
        call,
      );
      stream.sendData(frameMessage(request));
      stream.sendEnd();
    });
  }

  close(): void {
    this.connection.destroy();
  }
}

function requestHeaders(address: string, path: string): HeaderPairs {
  return [
    ...[':method', 'POST', ':scheme', 'http', ':path', path, ':authority', address],
    ...['te', 'trailers', 'content-type', 'application/grpc'],
    ...['grpc-timeout', `${CALL_TIMEOUT_MS}m`],
  ];
}

/** One call: its message, then its status. */
class UnaryCall implements StreamListener {
  private readonly reader = new MessageReader(
    MESSAGE_BYTES_MAX,
    (bytes) => new BenchError(`an answer of ${bytes} bytes`),
  );

  constructor(
    private readonly path: string,
    private readonly resolve: (message: Buffer) => void,
    private readonly reject: (error: Error) => void,
  ) {}

  onHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (endOfStream) this.onEnd(headers);
  }

  /** The answers are far smaller than the window, so that no credit has to be given back. */
  onData(chunk: Uint8Array): void {
    this.reader.push(chunk);
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    const status = headerValue(trailers ?? [], 'grpc-status');
    const message = status === '0' ? this.reader.next() : undefined;
    if (message !== undefined) return this.resolve(message.bytes);
    const text = headerValue(trailers ?? [], 'grpc-message') ?? '';
    this.reject(new BenchError(`${this.path} answered ${status} ${text}`));
  }

  onSent(): void {}

  onReset(reset: StreamReset): void {
    this.reject(new BenchError(`${this.path}: ${reset.detail}`));
  }

  onClosed(): void {
    this.reject(new BenchError(`${this.path}: the connection ended`));
  }
}
