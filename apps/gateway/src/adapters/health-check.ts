import { health } from '@raftway/contracts';
import { codeName } from '@raftway/errors';
import {
  type ClientConnection,
  type EngineStream,
  frameMessage,
  type HeaderPairs,
  http2Code,
  type StreamListener,
  type StreamReset,
} from '@raftway/http2';
import { type HealthCheckSettings } from '../domain/protection';
import { statusOf } from '../domain/status-mapping';
import { type ConnectionWaiter, type Upstream } from '../proxy/upstream';
import { ownCallHeaders } from './own-call';

const path = '/grpc.health.v1.Health/Check';
/** The answer is a message of one number: what is longer is none. */
const answerBytesMax = 1024;

/**
 * Why a check failed.
 * - `status`: the instance answered with another health than SERVING.
 * - `code`: it answered with an error: it has no such service, or no health service at all.
 * - `unreachable`: there was no connection, or it broke.
 * - `timeout`: there was no answer in time.
 * - `malformed`: the answer is none.
 */
export type HealthCheckFailure = 'status' | 'code' | 'unreachable' | 'timeout' | 'malformed';

/** @param detail in a few words; '' when it passed */
type OnEnd = (failure: HealthCheckFailure | undefined, detail: string) => void;

/** One `grpc.health.v1.Health/Check` of an instance. */
export class HealthCheck implements ConnectionWaiter, StreamListener {
  private upstream: Upstream | undefined;
  private stream: EngineStream | undefined;
  private timer: NodeJS.Timeout | undefined;
  private answer = Buffer.alloc(0);
  private isOver = false;

  constructor(
    private readonly settings: HealthCheckSettings,
    private readonly scheme: 'http' | 'https',
    private readonly authority: string,
    private readonly onDone: OnEnd,
  ) {}

  /** Asks; says how it ended once, perhaps at once. */
  start(upstream: Upstream): void {
    const { timeoutMs } = this.settings;
    this.upstream = upstream;
    this.timer = setTimeout(() => this.end('timeout', `no answer in ${timeoutMs} ms`), timeoutMs);
    this.timer.unref();
    upstream.acquire(this);
  }

  /** Nobody wants to know any more. */
  cancel(): void {
    if (this.isOver) return;
    this.isOver = true;
    clearTimeout(this.timer);
    if (this.stream === undefined) this.upstream?.cancel(this);
    else this.stream.reset(http2Code.cancel);
  }

  onConnection(connection: ClientConnection): void {
    const { scheme, authority, settings } = this;
    const headers = ownCallHeaders({ scheme, authority }, path, settings.timeoutMs);
    this.stream = connection.open(headers, false, this);
    const { service } = settings;
    this.stream.sendData(frameMessage(health.HealthCheckRequest.encode({ service }).finish()));
    this.stream.sendEnd();
  }

  onConnectFailed(detail: string): void {
    this.end('unreachable', detail);
  }

  onQueueFull(): void {
    this.end('unreachable', 'too many calls wait for a connection');
  }

  onHeaders(headers: HeaderPairs, endOfStream: boolean): void {
    if (endOfStream) this.conclude(headers);
  }

  onData(chunk: Uint8Array): void {
    this.stream?.release(chunk.length);
    if (this.answer.length + chunk.length > answerBytesMax)
      this.end('malformed', 'the answer is too long');
    else this.answer = Buffer.concat([this.answer, chunk]);
  }

  onEnd(trailers: HeaderPairs | undefined): void {
    this.conclude(trailers ?? []);
  }

  onSent(): void {}

  onReset({ detail }: StreamReset): void {
    this.end('unreachable', detail);
  }

  onClosed(): void {}

  private conclude(headers: HeaderPairs): void {
    const code = statusOf(headers);
    if (code !== 0) return this.end('code', codeName(code));
    const status = servingStatus(this.answer);
    if (status === undefined) return this.end('malformed', 'the answer is no HealthCheckResponse');
    const { SERVING } = health.HealthCheckResponse_ServingStatus;
    if (status === SERVING) this.end(undefined, '');
    else this.end('status', health.HealthCheckResponse_ServingStatus[status] ?? String(status));
  }

  private end(failure: HealthCheckFailure | undefined, detail: string): void {
    if (this.isOver) return;
    this.cancel();
    this.onDone(failure, detail);
  }
}

/** What an answer says; undefined when it is none. */
function servingStatus(answer: Buffer): health.HealthCheckResponse_ServingStatus | undefined {
  if (answer.length < 5 || answer[0] !== 0 || answer.readUInt32BE(1) !== answer.length - 5)
    return undefined;
  try {
    return health.HealthCheckResponse.decode(answer.subarray(5)).status;
  } catch {
    return undefined;
  }
}
