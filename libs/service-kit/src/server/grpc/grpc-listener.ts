import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { joinHostPort, splitHostPort } from '@raftway/config';
import { Code, ServiceError } from '@raftway/errors';
import {
  afterReactions,
  type EngineStream,
  FlushScheduler,
  FrameServerEngine,
  type HeaderPairs,
  isGrpcContentType,
  readCallFacts,
  type StreamListener,
} from '@raftway/http2';
import type { Logger } from '@raftway/observability';
import { type ServerTls, TlsAcceptor } from '@raftway/tls';
import { statusTrailers } from '../../rpc/status-trailers';
import type { OpenCall } from '../adapt-service';
import { Deadlines } from '../deadlines';
import { listenError } from '../listen-error';
import { engineLimits, type ResolvedServerLimits } from '../server-limits';
import { GrpcStream, type GrpcStreamContext } from './grpc-stream';

/** Connections that wait to be accepted. */
const backlog = 1024;

/** What a {@link GrpcListener} works with. */
export interface GrpcListenerSettings {
  /** host:port; port 0 takes any free one. */
  readonly bind: string;
  readonly limits: ResolvedServerLimits;
  readonly methods: ReadonlyMap<string, OpenCall>;
  readonly logger: Logger;
  /** @default plaintext */
  readonly tls?: ServerTls | undefined;
}

/** Listens for gRPC over HTTP/2 with prior knowledge, or over TLS, and finds for each call the method that answers it. */
export class GrpcListener {
  private readonly server: Server;
  private readonly engine: FrameServerEngine;
  private readonly acceptor: TlsAcceptor | undefined;
  private readonly context: GrpcStreamContext;

  constructor(private readonly settings: GrpcListenerSettings) {
    const { limits, logger } = settings;
    this.context = {
      receiveMessageBytesMax: limits.receiveMessageBytesMax,
      deadlines: new Deadlines(nowMs),
      nowMs,
    };
    this.engine = new FrameServerEngine(
      engineLimits(limits),
      {
        onStream: (stream, headers, ended, address, port) =>
          this.open(stream, headers, ended, joinHostPort({ host: address, port })),
        onConnectionError: (detail) => logger.debug('connection closed', { detail }),
      },
      // Answers are made in promises' reactions: when all that could run have run, what they wrote leaves in one piece.
      new FlushScheduler(afterReactions()),
    );
    const { tls } = settings;
    const adopt = (socket: Socket): void => this.engine.adopt(socket);
    this.acceptor = tls && new TlsAcceptor({ ...tls, onSocket: adopt });
    this.server = createServer({ noDelay: true }, (socket) => {
      const pending = this.acceptor?.pendingCount ?? 0;
      if (this.engine.connectionCount + pending >= limits.connectionsMax) {
        logger.warn('connection refused: too many', { limit: limits.connectionsMax });
        socket.destroy();
      } else if (this.acceptor === undefined) adopt(socket);
      else this.acceptor.accept(socket);
    });
  }

  /** Starts to listen and yields host:port. @throws Error in one sentence when the address is in use or not this machine's. */
  listen(): Promise<string> {
    const { bind } = this.settings;
    const target = splitHostPort(bind);
    return new Promise((resolve, reject) => {
      this.server.once('error', (error) => reject(listenError('gRPC', bind, error)));
      this.server.listen({ host: target?.host, port: target?.port ?? 0, backlog }, () => {
        this.server.removeAllListeners('error');
        // An accept that fails (too many open files) concerns one connection.
        this.server.on('error', (error) => this.settings.logger.warn('accept failed', { error }));
        const { port } = this.server.address() as AddressInfo;
        resolve(joinHostPort({ host: target?.host ?? '127.0.0.1', port }));
      });
    });
  }

  /** Takes no further connections, asks clients to go elsewhere, and resolves when all calls have ended and connections are closed. */
  drain(): Promise<void> {
    this.server.close();
    this.acceptor?.close();
    return this.engine.drain();
  }

  /** Closes everything now. */
  destroy(): void {
    this.server.close();
    this.acceptor?.close();
    this.engine.destroy();
  }

  private open(stream: EngineStream, headers: HeaderPairs, ended: boolean, peer: string): void {
    const facts = readCallFacts(headers);
    if (facts.method !== 'POST') return refuseHttp(stream, '405', ['allow', 'POST']);
    if (!isGrpcContentType(facts.contentType))
      return refuseHttp(stream, '415', ['accept-post', 'application/grpc']);
    const method = this.settings.methods.get(facts.path);
    if (method === undefined) return refuse(stream, unknownMethod(facts.path));
    if (Number.isNaN(facts.timeoutMs)) return refuse(stream, malformedTimeout());
    method(new GrpcStream(stream, headers, facts, ended, peer, this.context));
  }
}

function unknownMethod(path: string): ServiceError {
  return new ServiceError({
    code: Code.unimplemented,
    reason: 'METHOD_UNKNOWN',
    message: `this server has no method ${path}`,
  });
}

function malformedTimeout(): ServiceError {
  return new ServiceError({
    code: Code.internal,
    reason: 'TIMEOUT_MALFORMED',
    message: 'grpc-timeout is not 1 to 8 digits and a unit',
  });
}

function refuse(stream: EngineStream, error: ServiceError): void {
  stream.setListener(new Discard(stream));
  const headers = [':status', '200', 'content-type', 'application/grpc+proto'];
  stream.sendHeaders([...headers, ...statusTrailers(error)], true);
}

function refuseHttp(stream: EngineStream, status: string, more: HeaderPairs): void {
  stream.setListener(new Discard(stream));
  stream.sendHeaders([':status', status, ...more], true);
}

/** Takes what a refused client still sends, and drops it. */
class Discard implements StreamListener {
  constructor(private readonly stream: EngineStream) {}

  onHeaders(): void {}
  onEnd(): void {}
  onSent(): void {}
  onReset(): void {}
  onClosed(): void {}

  onData(chunk: Uint8Array): void {
    this.stream.release(chunk.length);
  }
}

function nowMs(): number {
  return performance.now();
}
