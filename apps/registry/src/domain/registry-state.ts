import { registry } from '@raftway/contracts';
import { ChangeHistory } from './change-history';
import { fingerprintOf } from './commands';
import { GrpcServiceClaims, type ClaimConflict } from './claims';
import { DeadlineHeap } from '@raftway/raft/state-machine';
import { leaseIdOf } from './lease-id';
import type { StateLimits } from './limits';
import type { RegistryResult } from './results';
import type { Lease, Registration, ServiceRecord } from './registration';

type Instance = registry.Instance;
const Reason = registry.RemovedInstance_Reason;

/** The revision of a registry in which nothing has ever been registered. */
export const EMPTY_REVISION = 1;

/** What a removal costs in the history beside its names. */
const REMOVAL_BYTES = 32;

/** What happened after some revision, one entry an instance. */
export interface CoalescedChanges {
  /** In the order in which snapshots list them. */
  readonly upserts: readonly Instance[];
  /** To be applied before the upserts: an instance that left and came back is in both. */
  readonly removals: readonly registry.RemovedInstance[];
}

/** When and where in the log something happens. */
interface Moment {
  readonly index: number;
  readonly nowMs: number;
}

/**
 * Who is registered: the replicated state, without its bytes.
 *
 * Invariants: every registration has exactly one lease and the other way round; a service record is never empty; `services` is ordered by
 * `firstRevision`, and so are the registrations of each; a revision belongs to exactly one command or expiry.
 */
export class RegistryState {
  readonly services = new Map<string, ServiceRecord>();
  history: ChangeHistory;
  private readonly leases = new Map<string, Lease>();
  private readonly deadlines = new DeadlineHeap<Lease>();
  private readonly claims = new GrpcServiceClaims();
  private totalBytes = 0;

  constructor(
    private readonly limits: StateLimits,
    private currentRevision = EMPTY_REVISION,
    historyFloor = currentRevision,
  ) {
    this.history = new ChangeHistory(
      limits.historyChangesMax,
      limits.historyBytesMax,
      historyFloor,
    );
  }

  get revision(): number {
    return this.currentRevision;
  }

  get instanceCount(): number {
    return this.leases.size;
  }

  get claimConflictCount(): number {
    return this.claims.conflictCount;
  }

  claimConflicts(): readonly ClaimConflict[] {
    return this.claims.conflicts(this.services);
  }

  nextDeadlineMs(): number | undefined {
    return this.deadlines.peek()?.deadlineMs;
  }

  /** The instance that a lease keeps, or undefined when the lease is gone. */
  instanceOf(leaseId: string): Instance | undefined {
    const lease = this.leases.get(leaseId);
    return lease === undefined ? undefined : this.registrationOf(lease)?.instance;
  }

  register(given: Instance, ttlMs: number, firstRevision: number, at: Moment): RegistryResult {
    const { service, instanceId } = given;
    const old = this.services.get(service)?.registrations.get(instanceId);
    const revision = this.nextRevision(firstRevision);
    const instance = { ...given, modifiedRevision: BigInt(revision) };
    const sizeBytes = encodedSize(instance);
    const refused = this.exceededLimit(sizeBytes, old);
    if (refused !== undefined) return { kind: 'limitReached', limit: refused };

    this.beginRevision(revision);
    if (old !== undefined) this.dropLease(old);
    const lease: Lease = {
      id: leaseIdOf(at.index, service, instanceId),
      order: at.index,
      service,
      instanceId,
      ttlMs,
      deadlineMs: at.nowMs + ttlMs,
      heapIndex: -1,
    };
    this.insert({ instance, lease, sizeBytes, firstRevision: old?.firstRevision ?? revision });
    this.record(revision, instance, sizeBytes);
    return { kind: 'registered', leaseId: lease.id, revision, ttlMs };
  }

  renew(leaseIds: readonly string[], at: Moment): RegistryResult {
    const ttlsMs = leaseIds.map((leaseId) => {
      const lease = this.leases.get(leaseId);
      if (lease === undefined) return 0;
      this.deadlines.reschedule(lease, at.nowMs + lease.ttlMs);
      return lease.ttlMs;
    });
    return { kind: 'renewed', ttlsMs };
  }

  deregister(leaseId: string): RegistryResult {
    const fingerprint = fingerprintOf({ kind: 'deregister', leaseId });
    const lease = this.leases.get(leaseId);
    if (lease === undefined) return { kind: 'leaseNotFound', fingerprint };
    this.currentRevision += 1;
    this.removeInstance(lease, Reason.DEREGISTERED);
    return { kind: 'deregistered', revision: this.currentRevision, fingerprint };
  }

  setStatus(leaseId: string, status: registry.InstanceStatus): RegistryResult {
    const fingerprint = fingerprintOf({ kind: 'setStatus', leaseId, status });
    const lease = this.leases.get(leaseId);
    const registration = lease === undefined ? undefined : this.registrationOf(lease);
    if (registration === undefined) return { kind: 'leaseNotFound', fingerprint };
    if (registration.instance.status !== status) {
      this.currentRevision += 1;
      const modifiedRevision = BigInt(this.currentRevision);
      registration.instance = { ...registration.instance, status, modifiedRevision };
      this.totalBytes -= registration.sizeBytes;
      registration.sizeBytes = encodedSize(registration.instance);
      this.totalBytes += registration.sizeBytes;
      this.record(this.currentRevision, registration.instance, registration.sizeBytes);
    }
    return { kind: 'statusSet', revision: this.currentRevision, fingerprint };
  }

  /** Removes every instance whose deadline is at or before nowMs, all at one revision; yields how many. */
  expire(nowMs: number): number {
    let expired = 0;
    for (;;) {
      const lease = this.deadlines.peek();
      if (lease === undefined || lease.deadlineMs > nowMs) return expired;
      if (expired === 0) this.currentRevision += 1;
      this.removeInstance(lease, Reason.EXPIRED);
      expired += 1;
    }
  }

  /**
   * What a watcher at a revision has missed, or undefined when it needs a snapshot.
   *
   * @param service one service's changes only. Default: all.
   */
  changesSince(revision: number, service?: string): CoalescedChanges | undefined {
    if (revision > this.currentRevision) return undefined;
    const changes = this.history.since(revision);
    if (changes === undefined) return undefined;
    const removals = new Map<string, registry.RemovedInstance>();
    const upserted = new Map<string, Registration>();
    for (const change of changes) {
      if (service !== undefined && change.service !== service) continue;
      const { instanceId, reason } = change;
      const key = `${change.service}/${instanceId}`;
      if (change.instance === undefined) {
        removals.set(key, { service: change.service, instanceId, reason });
        continue;
      }
      const current = this.services.get(change.service)?.registrations.get(instanceId);
      if (current !== undefined) upserted.set(key, current);
    }
    // Not the order of the changes: a service keeps its place while it has instances, whichever of them came first.
    const upserts = [...upserted.values()].sort((a, b) => this.compareOrder(a, b));
    return {
      upserts: upserts.map(({ instance }) => instance),
      removals: [...removals.values()],
    };
  }

  /**
   * Adds a registration as it is, without a change: for restoring, and the last step of registering.
   *
   * @param serviceFirstRevision of its service, if it is the first. Default: the registration's own.
   */
  insert(registration: Registration, serviceFirstRevision = registration.firstRevision): void {
    const { instance, lease } = registration;
    let record = this.services.get(instance.service);
    if (record === undefined) {
      const firstRevision = serviceFirstRevision;
      record = { name: instance.service, firstRevision, registrations: new Map() };
      this.services.set(instance.service, record);
    }
    record.registrations.set(instance.instanceId, registration);
    this.leases.set(lease.id, lease);
    this.deadlines.add(lease);
    this.claims.add(instance.service, instance.grpcServices);
    this.totalBytes += registration.sizeBytes;
  }

  /** Goes on at a later revision, from which nobody knows what came before, and starts every lease's time to live again. */
  beginAgain(revisions: number, nowMs: number): void {
    // The first registration ever begins above everything by itself.
    if (this.currentRevision === EMPTY_REVISION) return;
    this.currentRevision += revisions;
    const { historyChangesMax, historyBytesMax } = this.limits;
    this.history = new ChangeHistory(historyChangesMax, historyBytesMax, this.currentRevision);
    for (const lease of this.leases.values()) {
      this.deadlines.reschedule(lease, nowMs + lease.ttlMs);
    }
  }

  private nextRevision(firstRevision: number): number {
    const isFirst = this.currentRevision === EMPTY_REVISION;
    return (isFirst ? Math.max(firstRevision, EMPTY_REVISION) : this.currentRevision) + 1;
  }

  private beginRevision(revision: number): void {
    // Only the very first registration jumps; nobody may resume from a revision of a life before this one.
    if (revision > this.currentRevision + 1) this.history.startAt(revision - 1);
    this.currentRevision = revision;
  }

  private exceededLimit(
    sizeBytes: number,
    old: Registration | undefined,
  ): 'instancesMax' | 'instanceBytesMax' | undefined {
    const count = this.instanceCount + (old === undefined ? 1 : 0);
    if (count > this.limits.instancesMax) return 'instancesMax';
    const bytes = this.totalBytes + sizeBytes - (old?.sizeBytes ?? 0);
    return bytes > this.limits.instanceBytesMax ? 'instanceBytesMax' : undefined;
  }

  private removeInstance(lease: Lease, reason: registry.RemovedInstance_Reason): void {
    const record = this.services.get(lease.service);
    const registration = this.registrationOf(lease);
    if (record === undefined || registration === undefined) {
      throw new Error(`broken invariant: lease ${lease.id} has no registration`);
    }
    this.dropLease(registration);
    record.registrations.delete(lease.instanceId);
    if (record.registrations.size === 0) this.services.delete(lease.service);
    const { service, instanceId } = lease;
    const sizeBytes = REMOVAL_BYTES + service.length + instanceId.length;
    const revision = this.currentRevision;
    this.history.append({ revision, service, instanceId, instance: undefined, reason, sizeBytes });
  }

  private dropLease({ instance, lease, sizeBytes }: Registration): void {
    this.leases.delete(lease.id);
    this.deadlines.remove(lease);
    this.claims.remove(instance.service, instance.grpcServices);
    this.totalBytes -= sizeBytes;
  }

  private record(revision: number, instance: Instance, sizeBytes: number): void {
    const { service, instanceId } = instance;
    const reason = Reason.UNSPECIFIED;
    this.history.append({ revision, service, instanceId, instance, reason, sizeBytes });
  }

  private registrationOf(lease: Lease): Registration | undefined {
    return this.services.get(lease.service)?.registrations.get(lease.instanceId);
  }

  private compareOrder(a: Registration, b: Registration): number {
    const services =
      (this.services.get(a.instance.service)?.firstRevision ?? 0) -
      (this.services.get(b.instance.service)?.firstRevision ?? 0);
    return services === 0 ? a.firstRevision - b.firstRevision : services;
  }
}

/** An instance's size on the wire, which is what it costs in snapshots and, roughly, in memory. */
export function encodedSize(instance: Instance): number {
  return registry.Instance.encode(instance).finish().byteLength;
}
