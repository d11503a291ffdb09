import { lock } from '@raftway/contracts';
import {
  type CallContext,
  type Handlers,
  implementService,
  pipelined,
  type ServiceImplementation,
  toDuration,
} from '@raftway/service-kit';
import { type LockBackend } from './lock-backend';
import { RESPONSE_BYTES_MAX, toHolder, toLock } from './messages';
import { pageTokenFor, RequestCheck } from './validation';

/** The full name under which the service is registered. */
export const LOCK_GRPC_SERVICE = 'raftway.lock.v1.LockService';

/** Renewals of one KeepAlive stream that are under way at the same time. */
const RENEWALS_PER_STREAM_MAX = 1_000;

/** The gRPC face of the lock service: checks requests, asks the backend, words the answers. */
export function lockService(backend: LockBackend): ServiceImplementation {
  const handlers = new LockHandlers(backend);
  const methods: Handlers<typeof lock.LockServiceService> = {
    openSession: (request, call) => handlers.openSession(request, call),
    keepAlive: (requests) => handlers.keepAlive(requests),
    closeSession: (request, call) => handlers.closeSession(request, call),
    acquire: (request, call) => handlers.acquire(request, call),
    release: (request, call) => handlers.release(request, call),
    getLock: (request, call) => handlers.getLock(request, call),
    listLocks: (request, call) => handlers.listLocks(request, call),
    checkToken: (request, call) => handlers.checkToken(request, call),
    forceRelease: (request, call) => handlers.forceRelease(request, call),
  };
  return implementService(lock.LockServiceService, methods, { endlessMethods: ['keepAlive'] });
}

class LockHandlers {
  private readonly guarantee: lock.Guarantee;

  constructor(private readonly backend: LockBackend) {
    this.guarantee =
      backend.guarantee === 'linearizable'
        ? lock.Guarantee.LINEARIZABLE
        : lock.Guarantee.BEST_EFFORT;
  }

  async openSession(
    request: lock.OpenSessionRequest,
    call: CallContext,
  ): Promise<lock.OpenSessionResponse> {
    const check = new RequestCheck();
    const ttlMs = check.ttlMs(request.ttl);
    const requestId = check.optionalId('request_id', request.requestId);
    check.done();
    const session = await this.backend.openSession({ ttlMs, requestId }, call);
    return { sessionId: session.sessionId, ttl: toDuration(session.ttlMs) };
  }

  keepAlive(requests: AsyncIterable<lock.KeepAliveRequest>): AsyncIterable<lock.KeepAliveResponse> {
    return pipelined(requests, RENEWALS_PER_STREAM_MAX, async (request) => {
      const check = new RequestCheck();
      const sessionId = check.sessionId(request.sessionId);
      check.done();
      const ttlMs = await this.backend.renewSession(sessionId);
      const expired = ttlMs === 0;
      return { sessionId, ttl: expired ? undefined : toDuration(ttlMs), expired };
    });
  }

  async closeSession(
    request: lock.CloseSessionRequest,
    call: CallContext,
  ): Promise<lock.CloseSessionResponse> {
    const check = new RequestCheck();
    const sessionId = check.sessionId(request.sessionId);
    const requestId = check.optionalId('request_id', request.requestId);
    check.done();
    return { locksReleased: await this.backend.closeSession({ sessionId, requestId }, call) };
  }

  async acquire(request: lock.AcquireRequest, call: CallContext): Promise<lock.AcquireResponse> {
    const check = new RequestCheck();
    const input = {
      name: check.lockName('name', request.name),
      sessionId: check.sessionId(request.sessionId, true),
      ownerId: check.optionalId('owner_id', request.ownerId),
      ttlMs: check.ttlMs(request.ttl, request.sessionId === ''),
      waitMs: check.waitMs(request.waitTimeout),
      requestId: check.optionalId('request_id', request.requestId),
      metadata: check.metadata(request.metadata),
    };
    check.mode(request.mode);
    check.done();
    const answer = await this.backend.acquire(input, call);
    const { guarantee } = this;
    return answer.acquired
      ? {
          acquired: true,
          sessionId: answer.sessionId,
          fencingToken: BigInt(answer.token),
          holdCount: answer.holdCount,
          guarantee,
          queuePosition: 0,
          holders: [],
        }
      : {
          acquired: false,
          sessionId: input.sessionId,
          fencingToken: 0n,
          holdCount: 0,
          guarantee,
          queuePosition: answer.queuePosition,
          holders: answer.holders.map(toHolder),
        };
  }

  async release(request: lock.ReleaseRequest, call: CallContext): Promise<lock.ReleaseResponse> {
    const check = new RequestCheck();
    const input = {
      name: check.lockName('name', request.name),
      sessionId: check.sessionId(request.sessionId),
      ownerId: check.optionalId('owner_id', request.ownerId),
      token: toToken(request.fencingToken),
      requestId: check.optionalId('request_id', request.requestId),
    };
    check.done();
    const holdCount = await this.backend.release(input, call);
    return { released: holdCount === 0, holdCount };
  }

  async getLock(request: lock.GetLockRequest, call: CallContext): Promise<lock.GetLockResponse> {
    const check = new RequestCheck();
    const name = check.lockName('name', request.name);
    check.done();
    return { lock: toLock(await this.backend.lock(name, call), RESPONSE_BYTES_MAX).lock };
  }

  async listLocks(
    request: lock.ListLocksRequest,
    call: CallContext,
  ): Promise<lock.ListLocksResponse> {
    const check = new RequestCheck();
    const prefix = check.prefix('prefix', request.prefix);
    const pageSize = check.pageSize(request.pageSize);
    const after = check.pageToken(request.pageToken);
    check.done();
    // One more than the page: whether there is a next one.
    const page = { prefix, after, count: pageSize + 1 };
    const locks: lock.Lock[] = [];
    let bytesLeft = RESPONSE_BYTES_MAX;
    for (const view of await this.backend.locks(page, call)) {
      const last = locks.at(-1);
      if (last !== undefined && (locks.length === pageSize || bytesLeft <= 0))
        return { locks, nextPageToken: pageTokenFor(last.name) };
      const { lock: shown, bytes } = toLock(view, bytesLeft);
      locks.push(shown);
      bytesLeft -= bytes;
    }
    return { locks, nextPageToken: '' };
  }

  async checkToken(
    request: lock.CheckTokenRequest,
    call: CallContext,
  ): Promise<lock.CheckTokenResponse> {
    const check = new RequestCheck();
    const name = check.lockName('name', request.name);
    check.done();
    const { token, held } = await this.backend.currentToken(name, call);
    const currentToken = BigInt(token);
    return { valid: held && request.fencingToken === currentToken, currentToken };
  }

  async forceRelease(
    request: lock.ForceReleaseRequest,
    call: CallContext,
  ): Promise<lock.ForceReleaseResponse> {
    const check = new RequestCheck();
    const name = check.lockName('name', request.name);
    const reason = check.reason(request.reason);
    const requestId = check.optionalId('request_id', request.requestId);
    check.done();
    const holders = await this.backend.forceRelease({ name, reason, requestId }, call);
    call.logger.warn('lock taken away from its holder', {
      lock: name,
      reason,
      peer: call.peer,
      holders: holders.map(({ sessionId, ownerId, token }) => ({ sessionId, ownerId, token })),
    });
    return { holders: holders.map(toHolder) };
  }
}

/** A token as a number. No grant has a token above 2^53, so that larger ones stay what they are: nobody's. */
function toToken(token: bigint): number {
  const largest = BigInt(Number.MAX_SAFE_INTEGER);
  return Number(token > largest ? largest : token);
}
