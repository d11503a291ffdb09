import { createHash } from 'node:crypto';
import { contractsRegistry } from '@raftway/contracts';
import {
  type EngineStream,
  formatGrpcTimeout,
  frameMessage,
  type HeaderPairs,
} from '@raftway/http2';
import { grpcPathOf } from '@raftway/transcoding';
import { type CallIdentity } from '../domain/call-identity';
import { type CompiledPart, type PartCaching } from '../domain/documents';
import { withoutHeader } from '../domain/header-rules';
import { grpcHeadersOfJson } from '../domain/json-protocol';
import { type JsonRoute } from '../domain/json-routes';
import { partKeyTexts } from '../domain/part-key';
import { type CompositeContext, type CompositeRequest, type PartResult } from './composite-call';
import { JsonUnaryStream } from './json-answers';
import { type JsonRequestBody } from './json-request';
import { PartCache, type PartWaiter } from './part-cache';
import { failureOf, PartCall, type PartOutcome } from './part-call';

/** What is to be called. */
export interface PartRun {
  readonly part: CompiledPart;
  readonly route: JsonRoute;
  /** The encoded request. */
  readonly message: Uint8Array;
  /** What is left of the whole's time, in milliseconds; undefined when it is unlimited. */
  readonly leftMs: number | undefined;
}

/** A part that was begun. */
export interface BegunPart {
  readonly result: PartResult;
  /** Its outcome, when that was kept: there is no call then. */
  readonly kept: PartOutcome | undefined;
  readonly leave: () => void;
}

/** Answers that are kept, by part: gone with the documents that they are of. */
const caches = new WeakMap<CompiledPart, PartCache>();

/** Calls the parts of one request. */
export class PartRunner {
  constructor(
    private readonly context: CompositeContext,
    private readonly request: CompositeRequest,
  ) {}

  /** Begins a part. @param done told once how it ends, later; not after `leave`, nor when its outcome was kept */
  run(run: PartRun, done: PartWaiter): BegunPart {
    const { cache: caching, timeoutMs } = run.part;
    const headers = grpcHeadersOfJson(
      withoutHeader(this.request.headers, 'grpc-timeout'),
      grpcPathOf(run.route.binding.method),
    );
    if (caching === undefined) {
      const times = [timeoutMs, run.leftMs].filter((time) => time !== undefined);
      const call = this.call(run, withTimeout(headers, times), done);
      return { result: 'called', kept: undefined, leave: () => call.cancel() };
    }
    return this.runJudged(run, headers, caching, done);
  }

  /** Begins a part whose answer is kept, once the policy that holds for its call lets the caller have it. */
  private runJudged(
    run: PartRun,
    headers: HeaderPairs,
    caching: PartCaching,
    done: PartWaiter,
  ): BegunPart {
    const { clientAddress, socket } = this.request;
    const caller = { headers, clientAddress, socket, timeoutMs: run.leftMs };
    let isLeft = false;
    let joined: BegunPart | undefined;
    const isJudged = this.context.judgeCaller(grpcPathOf(run.route.binding.method), caller, {
      pass: (identity) => {
        if (isLeft) return;
        joined = this.join(run, headers, { caching, identity }, done);
        if (joined.kept !== undefined) done(joined.kept);
      },
      refuse: (error, headers) => {
        if (!isLeft) done(failureOf(error, headers));
      },
    });
    if (!isJudged) return this.join(run, headers, { caching, identity: undefined }, done);
    return {
      get result() {
        return joined?.result ?? 'called';
      },
      kept: undefined,
      leave: () => {
        isLeft = true;
        joined?.leave();
      },
    };
  }

  /** An answer that is kept, or a call that may be others' as well. */
  private join(
    run: PartRun,
    headers: HeaderPairs,
    {
      caching,
      identity,
    }: { readonly caching: PartCaching; readonly identity: CallIdentity | undefined },
    done: PartWaiter,
  ): BegunPart {
    const cache = this.cacheOf(run.part, caching);
    const key = this.keyOf(run, headers, caching.keyHeaders, identity);
    const json = cache.find(key);
    if (json !== undefined)
      return { result: 'kept', kept: { kind: 'answer', json }, leave: () => undefined };
    // Others may have more time than this one.
    const { timeoutMs } = run.part;
    const own = timeoutMs === undefined ? [] : [timeoutMs];
    const { isShared, leave } = cache.join(key, done, (ended) =>
      this.call(run, withTimeout(headers, own), ended),
    );
    return { result: isShared ? 'shared' : 'called', kept: undefined, leave };
  }

  private call({ route, message }: PartRun, headers: HeaderPairs, done: PartWaiter): PartCall {
    const { dispatch, memory } = this.context;
    const { style, clientAddress, socket } = this.request;
    const call = new PartCall(done);
    const settings = {
      body: bodyOf(message),
      isStreamingRequest: false,
      memory,
      limit: style.limit,
      detailTypes: [route.types, contractsRegistry()],
      isConnect: false,
      dispatch: (stream: EngineStream) =>
        dispatch(stream, headers, false, clientAddress, undefined, socket),
      onRefused: () => undefined,
    };
    new JsonUnaryStream(call, settings, route, style.response).start(true);
    return call;
  }

  private cacheOf(part: CompiledPart, caching: PartCaching): PartCache {
    let cache = caches.get(part);
    if (cache === undefined) {
      cache = new PartCache(caching, this.context.memory, this.context.nowMs);
      caches.set(part, cache);
    }
    return cache;
  }

  /** A digest of the request: of one length, whatever clients send. */
  private keyOf(
    { message }: PartRun,
    headers: HeaderPairs,
    keyHeaders: readonly string[] | undefined,
    identity: CallIdentity | undefined,
  ): string {
    const { clientAddress } = this.request;
    const texts = partKeyTexts(headers, { clientAddress, identity }, keyHeaders);
    return createHash('sha256').update(JSON.stringify(texts)).update(message).digest('base64');
  }
}

/** A request whose message is there already. */
function bodyOf(message: Uint8Array): JsonRequestBody {
  return { waitingBytes: 0, push: () => [], end: () => [frameMessage(message)] };
}

function withTimeout(headers: readonly string[], times: readonly number[]): readonly string[] {
  if (times.length === 0) return headers;
  return [...headers, 'grpc-timeout', formatGrpcTimeout(Math.max(0, Math.min(...times)))];
}
