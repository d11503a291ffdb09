import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import { http1Headers } from '../domain/http1-headers';
import { type ConnectionAges } from './connection-ages';
import { type HttpExchange, sendProblem } from './http-exchange';
import { Http1Stream } from './http1-stream';

/** How often clients that owe their body are looked for, in milliseconds. */
const sweepMs = 1000;

/** What an {@link Http1Server} needs. */
export interface Http1Settings {
  readonly headerBytesMax: number;
  readonly headerCountMax: number;
  /** Bytes of one request's body that are held before no more are read. */
  readonly streamBufferBytesMax: number;
  /** A connection without a request for this long is closed. */
  readonly connectionIdleMs: number;
  /** A connection that is silent for this long is probed by the system (TCP keepalive). */
  readonly keepaliveMs: number;
  /** How long a request's headers may take. */
  readonly headersTimeoutMs: number;
  /** A client that owes more of a body and sends nothing for this long is cut off. */
  readonly bodyTimeoutMs: number;
  readonly ages: ConnectionAges;
  readonly nowMs: () => number;
  readonly onExchange: (exchange: HttpExchange) => void;
  /** A connection was closed by a limit or a protocol error. */
  readonly onConnectionError: (detail: string) => void;
}

/** An HTTP status, its title, and what to do. */
type Fault = readonly [status: number, title: string, detail: string];

const severalHosts: Fault = [400, 'Several hosts', 'A request has one Host header.'];

/**
 * HTTP/1.1 on connections that others accept, by Node's own strict parser: what it finds ambiguous (Content-Length beside Transfer-Encoding, folded
 * headers, bare LF) is answered with 400 and the connection closed. One request at a time: what is pipelined behind an unanswered one is
 * answered with 400, too, since calls must not overtake each other and nothing would bound them.
 */
export class Http1Server {
  private readonly server: Server;
  private readonly open = new Map<Socket, Http1Stream>();
  private readonly sweep: NodeJS.Timeout;
  private drained: (() => void) | undefined;
  private draining = false;

  constructor(private readonly settings: Http1Settings) {
    this.server = createServer(
      {
        maxHeaderSize: settings.headerBytesMax,
        headersTimeout: settings.headersTimeoutMs,
        connectionsCheckingInterval: sweepMs,
        // Bodies have a limit of their own, which lets streams live.
        requestTimeout: 0,
        keepAliveTimeout: settings.connectionIdleMs,
        keepAlive: true,
        keepAliveInitialDelay: settings.keepaliveMs,
      },
      (request, response) => this.take(request, response),
    );
    // One more than allowed, as Node drops what is above without a word.
    this.server.maxHeadersCount = settings.headerCountMax + 1;
    this.server.on('clientError', (error, socket) => this.refuse(error, socket as Socket));
    // Node starts to look for overdue headers when a server listens; this one never does.
    this.server.emit('listening');
    this.sweep = setInterval(() => this.cutSilent(), sweepMs);
    this.sweep.unref();
  }

  /** Exchanges without a complete answer. */
  get streamCount(): number {
    return this.open.size;
  }

  /** Takes over a connected socket. Bytes that were read from it to find out its protocol have been unshifted. */
  adopt(socket: Socket): void {
    this.settings.ages.note(socket, this.settings.nowMs());
    this.server.emit('connection', socket);
    socket.resume();
  }

  /** Closes idle connections, lets open exchanges finish, and resolves when they have. */
  drain(): Promise<void> {
    this.draining = true;
    this.server.closeIdleConnections();
    for (const stream of this.open.values()) stream.announceClose();
    return new Promise((resolve) => {
      if (this.open.size === 0) return resolve();
      this.drained = resolve;
    });
  }

  /** Closes every connection. */
  destroy(): void {
    clearInterval(this.sweep);
    this.server.close();
    this.server.closeAllConnections();
  }

  private take(request: IncomingMessage, response: ServerResponse): void {
    const { socket } = request;
    const { streamBufferBytesMax, nowMs, ages } = this.settings;
    if (this.open.has(socket)) return answerPipelined(request, response);
    const requestEnded = !hasBody(request);
    const stream = new Http1Stream(
      request,
      response,
      requestEnded,
      streamBufferBytesMax,
      nowMs,
      () => this.forget(socket),
    );
    this.open.set(socket, stream);
    if (this.draining || ages.isDue(socket, nowMs())) stream.announceClose();
    const headers = http1Headers(request.rawHeaders, {
      method: request.method ?? '',
      target: request.url ?? '',
      scheme: 'encrypted' in socket ? 'https' : 'http',
    });
    const fault = headers === undefined ? severalHosts : this.faultOf(request);
    if (headers !== undefined && fault === undefined)
      this.settings.onExchange(exchangeOf(request, stream, headers, requestEnded));
    else {
      stream.announceClose();
      sendProblem({ stream }, ...(fault ?? severalHosts));
    }
    stream.start();
  }

  /** What Node's parser lets pass and we do not. */
  private faultOf(request: IncomingMessage): Fault | undefined {
    const { headerCountMax } = this.settings;
    if (request.rawHeaders.length > 2 * headerCountMax)
      return [431, 'Too many headers', `A request has ${headerCountMax} headers at most.`];
    const coding = request.headers['transfer-encoding'] ?? 'chunked';
    if (coding.toLowerCase() !== 'chunked')
      return [501, 'Unknown transfer coding', 'A body is sent in chunks, or with its length.'];
    return undefined;
  }

  private forget(socket: Socket): void {
    this.open.delete(socket);
    if (this.open.size === 0) this.drained?.();
  }

  private cutSilent(): void {
    const { nowMs, bodyTimeoutMs, ages, onConnectionError } = this.settings;
    const overdueMs = nowMs() - bodyTimeoutMs;
    for (const [socket, stream] of this.open) {
      if (ages.isOverdue(socket, nowMs())) stream.endOverdue();
      if ((stream.silentSinceMs ?? Number.POSITIVE_INFINITY) > overdueMs) continue;
      onConnectionError('the rest of a request body did not come');
      socket.destroy();
    }
  }

  private refuse(error: NodeJS.ErrnoException, socket: Socket): void {
    // A connection that broke has done nothing wrong.
    if (error.code !== 'ECONNRESET') this.settings.onConnectionError(error.code ?? error.message);
    // An answer that has begun cannot be followed by another one.
    if (!socket.writable || this.open.has(socket)) return void socket.destroy();
    const status = statusOf(error.code);
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-length: 0\r\n\r\n`);
    setTimeout(() => socket.destroy(), sweepMs).unref();
  }
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function exchangeOf(
  request: IncomingMessage,
  stream: Http1Stream,
  headers: HeaderPairs,
  requestEnded: boolean,
): HttpExchange {
  return {
    stream,
    headers,
    method: request.method ?? '',
    path: request.url ?? '',
    contentType: headerValue(headers, 'content-type') ?? '',
    requestEnded,
    clientAddress: request.socket.remoteAddress ?? '',
    socket: request.socket,
  };
}

function statusOf(code: string | undefined): string {
  if (code === 'HPE_HEADER_OVERFLOW') return '431 Request Header Fields Too Large';
  if (code === 'ERR_HTTP_REQUEST_TIMEOUT') return '408 Request Timeout';
  return '400 Bad Request';
}

function answerPipelined(request: IncomingMessage, response: ServerResponse): void {
  request.resume();
  response.writeHead(400, { connection: 'close', 'content-length': 0 }).end();
}
