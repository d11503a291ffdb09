import { codeName } from '@raftway/errors';
import { type EngineStream, type HeaderPairs, headerValue } from '@raftway/http2';
import { type Logger } from '@raftway/observability';
import { CallRecord } from '../proxy/call-record';
import { RecordedStream } from '../web/recorded-stream';
import { LineWriter } from './line-writer';

/** Longest `x-forwarded-for` that a line has. */
const forwardedMax = 128;

/** What an {@link AccessLog} is made with. */
export interface AccessLogSettings {
  /** `stdout`, or the path of a file. */
  readonly target: string;
  /** How many of the calls are written, from 0 to 1. */
  readonly sample: number;
  /** Whether all calls that fail are. */
  readonly alwaysErrors: boolean;
  /** Lines that may wait to be written. */
  readonly linesMax: number;
  /** Whether `x-forwarded-for` of clients is to be believed. */
  readonly trustForwarded: boolean;
  readonly logger: Logger;
  readonly nowMs: () => number;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
  /** A number from 0 to 1. */
  readonly random: () => number;
  readonly onLines: (result: 'written' | 'dropped', count: number) => void;
}

/** One line of JSON for each exchange with a client, or for a share of them. The fields are in the gateway's README. */
export class AccessLog {
  private readonly writer: LineWriter<CallRecord>;

  /** @throws Error when the file cannot be opened */
  constructor(private readonly settings: AccessLogSettings) {
    const { target, linesMax, nowMs, onLines, logger } = settings;
    try {
      this.writer = new LineWriter({
        ...{ target, itemsMax: linesMax, lineOf, nowMs, onLines },
        onFailure: (error) =>
          logger.warn('the access log cannot be written: its lines are dropped', { target, error }),
      });
    } catch (cause) {
      const why = (cause as Error).message;
      throw new Error(`RAFTWAY_ACCESS_LOG must be stdout or a file to add to: ${why}`, { cause });
    }
  }

  /** The stream to go on with: one that is recorded, if the call may be written. */
  record(
    stream: EngineStream,
    headers: HeaderPairs,
    clientAddress: string,
    httpVersion: '1.1' | '2',
  ): EngineStream {
    const { sample, alwaysErrors, trustForwarded, nowMs, wallMs, random } = this.settings;
    const isSampled = sample >= 1 || random() < sample;
    if (!isSampled && !alwaysErrors) return stream;
    const forwarded = trustForwarded
      ? headerValue(headers, 'x-forwarded-for')?.slice(0, forwardedMax)
      : undefined;
    const record = new CallRecord(
      ...([headers, httpVersion, clientAddress, nowMs(), wallMs(), forwarded] as const),
    );
    return new RecordedStream(stream, record, nowMs, (done) => {
      done.endedMs ??= nowMs();
      if (isSampled || done.isError) this.writer.offer(done);
    });
  }

  /** Writes what waits, for at most a second. */
  close(): Promise<void> {
    return this.writer.close();
  }
}

/** What is undefined is left out. */
function lineOf(record: CallRecord): string {
  const { startedMs, startedWallMs, endedMs = startedMs, code, attempts } = record;
  return JSON.stringify({
    time: new Date(startedWallMs).toISOString(),
    client: record.clientAddress,
    forwardedFor: record.forwardedFor,
    identity: record.identity,
    principal: record.principal,
    issuer: record.issuer,
    protocol: record.protocol,
    http: record.httpVersion,
    host: record.host,
    httpMethod: record.httpMethod,
    path: record.path,
    grpcService: record.grpcService,
    method: record.method,
    route: record.route,
    rule: record.rule,
    backend: record.backend,
    instance: record.instance,
    httpStatus: record.httpStatus,
    status: code === undefined ? undefined : statusName(code),
    reason: record.reason === '' ? undefined : record.reason,
    durationMs: rounded(endedMs - startedMs),
    firstByteMs: record.firstByteMs === undefined ? undefined : rounded(record.firstByteMs),
    requestBytes: record.requestBytes,
    responseBytes: record.responseBytes,
    retries: attempts > 1 ? attempts - 1 : 0,
    requestId: record.requestId,
    traceId: record.traceId,
    userAgent: record.userAgent,
  });
}

function statusName(code: number): string {
  return code === 0 ? 'OK' : codeName(code);
}

function rounded(milliseconds: number): number {
  return Math.round(milliseconds * 1000) / 1000;
}
