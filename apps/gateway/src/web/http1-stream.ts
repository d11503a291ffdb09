import { type IncomingMessage, type ServerResponse } from 'node:http';
import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  http2Code,
  type StreamListener,
} from '@raftway/http2';

/** How long a client may go on sending after the complete response before its connection is cut, in milliseconds. */
const lateDataGraceMs = 1000;

/**
 * An exchange of HTTP/1.1, as a stream of the engine's port. At most `bufferBytesMax` of the body (and what Node had read already) are held by the
 * owner; then the socket is not read until some are released.
 */
export class Http1Stream implements EngineStream {
  private listener: StreamListener | undefined;
  private heldBytes = 0;
  private headersDone = false;
  private ended = false;
  private closed = false;
  private isOverdue = false;
  private grace: NodeJS.Timeout | undefined;
  /** When the client was last seen to send, or to be waited for no longer; in milliseconds. */
  private heardMs: number;

  constructor(
    private readonly request: IncomingMessage,
    private readonly response: ServerResponse,
    /** Whether there is no body, so that nothing is told of its end. */
    private readonly requestEnded: boolean,
    private readonly bufferBytesMax: number,
    private readonly nowMs: () => number,
    private readonly onGone: () => void,
  ) {
    this.heardMs = nowMs();
    response.once('close', () => this.close());
    // What is wrong with a connection is told by its end.
    request.on('error', () => undefined);
    response.on('error', () => undefined);
  }

  /** Delivers the body. To be called when the listener is set. */
  start(): void {
    this.request.on('data', (chunk: Buffer) => this.receive(chunk));
    this.request.once('end', () => {
      clearTimeout(this.grace);
      if (!this.closed && !this.requestEnded) this.listener?.onEnd(undefined);
    });
  }

  /** Since when the client owes more of its body, in milliseconds; undefined when it does not, because it is complete or not read now. */
  get silentSinceMs(): number | undefined {
    return this.request.complete || this.heldBytes >= this.bufferBytesMax
      ? undefined
      : this.heardMs;
  }

  /** Tells the client, if it is not too late, that the connection closes after this answer. */
  announceClose(): void {
    if (!this.response.headersSent) this.response.setHeader('connection', 'close');
  }

  /** The connection has its age, and the grace is over: the owner is told, and a second time is the end. */
  endOverdue(): void {
    if (this.isOverdue) return void this.response.destroy();
    this.isOverdue = true;
    this.listener?.onOverdue?.();
  }

  setListener(listener: StreamListener): void {
    this.listener = listener;
  }

  sendHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (this.closed || this.headersDone) return;
    this.headersDone = true;
    this.response.writeHead(Number(headerValue(headers, ':status')), [...fieldsOf(headers)]);
    if (endOfStream) this.end();
    else this.response.flushHeaders();
  }

  sendData(chunk: Uint8Array): void {
    if (this.closed || this.ended || chunk.length === 0) return;
    this.response.write(chunk, (error) => {
      if (!error && !this.closed) this.listener?.onSent(chunk.length);
    });
  }

  sendEnd(_trailers?: HeaderPairs): void {
    if (!this.closed && !this.ended && this.headersDone) this.end();
  }

  release(bytes: number): void {
    if (this.closed) return;
    const wasFull = this.heldBytes >= this.bufferBytesMax;
    this.heldBytes -= Math.min(bytes, this.heldBytes);
    if (!wasFull || this.heldBytes >= this.bufferBytesMax) return;
    this.heardMs = this.nowMs();
    this.request.resume();
  }

  /** HTTP/1.1 cannot end an exchange before its end but by closing the connection. */
  reset(_code: number): void {
    this.ended = true;
    this.listener = withoutResets(this.listener);
    this.response.destroy();
  }

  private receive(chunk: Buffer): void {
    this.heardMs = this.nowMs();
    if (this.closed || this.ended) return;
    this.heldBytes += chunk.length;
    if (this.heldBytes >= this.bufferBytesMax) this.request.pause();
    this.listener?.onData(chunk);
  }

  private end(): void {
    this.ended = true;
    this.response.end();
    if (this.request.complete) return;
    // The rest of the body is read and dropped, so that the client gets to read the answer; but not for ever.
    this.request.resume();
    const { socket } = this.request;
    this.grace = setTimeout(() => socket.destroy(), lateDataGraceMs);
    this.grace.unref();
  }

  private close(): void {
    if (this.closed) return;
    this.closed = true;
    this.onGone();
    const { listener } = this;
    this.listener = undefined;
    if (!this.response.writableFinished)
      listener?.onReset({
        code: http2Code.cancel,
        unprocessed: false,
        connectionLost: true,
        detail: 'the connection was closed',
      });
    listener?.onClosed();
  }
}

/** What HTTP/1.1 gets of a response: no pseudo-headers, and no `trailer`, as there are none. */
function* fieldsOf(headers: HeaderPairs): Generator<string> {
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (name.startsWith(':') || name === 'trailer') continue;
    yield name;
    yield headers[index + 1] ?? '';
  }
}

/** The same listener, which is told nothing of the reset that its own side asked for. */
function withoutResets(listener: StreamListener | undefined): StreamListener | undefined {
  return (
    listener && {
      onHeaders: () => undefined,
      onData: () => undefined,
      onEnd: () => undefined,
      onSent: () => undefined,
      onReset: () => undefined,
      onClosed: () => listener.onClosed(),
    }
  );
}
