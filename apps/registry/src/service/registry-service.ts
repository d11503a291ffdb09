import type { registry } from '@raftway/contracts';
import {
  internal,
  notFound,
  requestIdReused,
  resourceExhausted,
  type ServiceError,
} from '@raftway/errors';
import type { Logger } from '@raftway/observability';
import {
  type Handlers,
  implementService,
  pipelined,
  type RenewalBatcher,
  type Replica,
  type CancellableCall,
  type ReplicaCall,
  type ServiceImplementation,
  toDuration,
} from '@raftway/service-kit';
import { encodeCommand, fingerprintOf, type Command } from '../domain/commands';
import { isLeaseOf } from '../domain/lease-id';
import { CONFIG_LIMITS } from '../domain/config-limits';
import { STATE_LIMITS } from '../domain/limits';
import type { RegistryState } from '../domain/registry-state';
import type { ReachedLimit, RegistryResult } from '../domain/results';
import { lookUp, listServices } from './queries';
import { SharedEncodingService } from './shared-encoding';
import {
  validLeaseRequest,
  validPage,
  validRegistration,
  validServiceName,
  validStatus,
} from './validation';
import type { WatchStreams } from './watch-stream';

/** Renewals of one KeepAlive stream that are under way at the same time. */
const RENEWALS_PER_STREAM_MAX = 1000;

/** What the handlers work with. */
export interface RegistryServiceParts {
  readonly replica: Pick<Replica<RegistryResult>, 'propose' | 'read'>;
  state(): RegistryState;
  readonly renewals: RenewalBatcher;
  readonly watches: WatchStreams;
  ownReplicas(): readonly registry.Instance[];
  /** Wall clock in milliseconds; see Command.firstRevision. */
  wallClockMs(): number;
  readonly logger: Logger;
}

/** The gRPC face of the registry: checks requests, proposes commands, reads state. */
export function registryService(parts: RegistryServiceParts): ServiceImplementation {
  const handlers = new RegistryHandlers(parts);
  const methods: Handlers<typeof SharedEncodingService> = {
    register: (request, call) => handlers.register(request, call),
    keepAlive: (requests) => handlers.keepAlive(requests),
    deregister: (request, call) => handlers.deregister(request, call),
    setStatus: (request, call) => handlers.setStatus(request, call),
    lookup: (request, call) => handlers.lookup(request, call),
    listServices: (request, call) => handlers.listServices(request, call),
    watch: (request, call) => handlers.watch(request, call),
  };
  return implementService(SharedEncodingService, methods, {
    endlessMethods: ['keepAlive', 'watch'],
  });
}

class RegistryHandlers {
  constructor(private readonly parts: RegistryServiceParts) {}

  async register(
    request: registry.RegisterRequest,
    call: ReplicaCall,
  ): Promise<registry.RegisterResponse> {
    const { instance, ttlMs } = validRegistration(request);
    const firstRevision = this.parts.wallClockMs();
    const command = { kind: 'register', instance, ttlMs, firstRevision } as const;
    const result = await this.propose(command, call, request.requestId);
    if (result.kind === 'limitReached') throw limitReached(result.limit);
    const { service, instanceId } = instance;
    if (result.kind !== 'registered' || !isLeaseOf(result.leaseId, service, instanceId)) {
      throw unexpected(result, request.requestId);
    }
    this.reportConflicts(instance);
    const { leaseId, revision } = result;
    return { leaseId, revision: BigInt(revision), ttl: toDuration(result.ttlMs) };
  }

  keepAlive(
    requests: AsyncIterable<registry.KeepAliveRequest>,
  ): AsyncIterable<registry.KeepAliveResponse> {
    return pipelined(requests, RENEWALS_PER_STREAM_MAX, async (request) => {
      const leaseId = validLeaseRequest(request);
      const ttlMs = await this.parts.renewals.renew(leaseId);
      const expired = ttlMs === 0;
      return { leaseId, ttl: expired ? undefined : toDuration(ttlMs), expired };
    });
  }

  async deregister(
    request: registry.DeregisterRequest,
    call: ReplicaCall,
  ): Promise<registry.DeregisterResponse> {
    const leaseId = validLeaseRequest(request);
    const command = { kind: 'deregister', leaseId } as const;
    const result = await this.propose(command, call, request.requestId);
    this.checkOwn(result, command, request.requestId);
    if (result.kind === 'leaseNotFound') throw leaseNotFound(leaseId);
    if (result.kind !== 'deregistered') throw unexpected(result, request.requestId);
    return { revision: BigInt(result.revision) };
  }

  async setStatus(
    request: registry.SetStatusRequest,
    call: ReplicaCall,
  ): Promise<registry.SetStatusResponse> {
    const leaseId = validLeaseRequest(request);
    const status = validStatus(request.status);
    const command = { kind: 'setStatus', leaseId, status } as const;
    const result = await this.propose(command, call, request.requestId);
    this.checkOwn(result, command, request.requestId);
    if (result.kind === 'leaseNotFound') throw leaseNotFound(leaseId);
    if (result.kind !== 'statusSet') throw unexpected(result, request.requestId);
    return { revision: BigInt(result.revision) };
  }

  async lookup(
    request: registry.LookupRequest,
    call: ReplicaCall,
  ): Promise<registry.LookupResponse> {
    const service = validServiceName(request.service);
    await this.parts.replica.read(call);
    return lookUp(this.parts.state(), this.parts.ownReplicas(), service);
  }

  async listServices(
    request: registry.ListServicesRequest,
    call: ReplicaCall,
  ): Promise<registry.ListServicesResponse> {
    const page = validPage(request);
    await this.parts.replica.read(call);
    return listServices(this.parts.state(), this.parts.ownReplicas(), page);
  }

  async *watch(
    request: registry.WatchRequest,
    call: CancellableCall,
  ): AsyncGenerator<registry.WatchResponse> {
    const service = validServiceName(request.service, true);
    await this.parts.replica.read(call);
    yield* this.parts.watches.events(service, request.fromRevision, call.signal);
  }

  private async propose(
    command: Command,
    call: ReplicaCall,
    requestId: string,
  ): Promise<RegistryResult> {
    const { result } = await this.parts.replica.propose(encodeCommand(command), call, requestId);
    return result;
  }

  /** @throws ServiceError REQUEST_ID_REUSED when the result is that of an earlier request about something else. */
  private checkOwn(
    result: RegistryResult,
    command: Parameters<typeof fingerprintOf>[0],
    requestId: string,
  ): void {
    if (requestId === '' || !('fingerprint' in result)) return;
    if (result.fingerprint !== fingerprintOf(command)) throw requestIdReused();
  }

  private reportConflicts(instance: registry.Instance): void {
    if (this.parts.state().claimConflictCount === 0) return;
    for (const { grpcService, owner, losers } of this.parts.state().claimConflicts()) {
      if (!losers.includes(instance.service) || !instance.grpcServices.includes(grpcService))
        continue;
      const { service, instanceId } = instance;
      const fields = { grpcService, routedTo: owner, service, instanceId };
      this.parts.logger.warn('two services claim one gRPC service name', fields);
    }
  }
}

function leaseNotFound(leaseId: string): ServiceError {
  const metadata = { lease_id: leaseId };
  return notFound('LEASE_NOT_FOUND', `lease "${leaseId}" does not exist (any more)`, { metadata });
}

const limitTexts: Readonly<Record<ReachedLimit, string>> = {
  instancesMax: 'instances',
  instanceBytesMax: 'bytes of instances',
  configEntriesMax: 'entries of configuration',
  configBytesMax: 'bytes of configuration',
};

/** The refusal of what would not fit any more. */
export function limitReached(limit: ReachedLimit): ServiceError {
  const value = { ...STATE_LIMITS, ...CONFIG_LIMITS }[limit];
  const metadata = { limit: String(value), field: limit };
  return resourceExhausted(
    'LIMIT_REACHED',
    `the registry holds ${value} ${limitTexts[limit]} already`,
    { metadata },
  );
}

/** A result of another kind than the command's is that of an earlier request with the same request_id. */
export function unexpected(result: RegistryResult, requestId: string): ServiceError {
  if (requestId === '') return internal(new Error(`command was answered with ${result.kind}`));
  return requestIdReused();
}
