import type { ApplyContext, ReturnFromBackup, StateMachine } from '@raftway/raft/state-machine';
import { decodeCommand, type Command } from './commands';
import { STATE_LIMITS, type StateLimits } from './limits';
import { RegistryState } from './registry-state';
import { decodeResult, encodeResult, type RegistryResult } from './results';
import { decodeSnapshot, snapshotSlices } from './snapshot';

/**
 * The registry as Raft sees it: bytes in, results out. Read {@link RegistryStateMachine.state} for queries; a restore replaces the object, so do not
 * hold on to it.
 */
export class RegistryStateMachine implements StateMachine<RegistryResult> {
  private current: RegistryState;
  private expiredCount = 0;

  constructor(private readonly limits: StateLimits = STATE_LIMITS) {
    this.current = new RegistryState(limits);
  }

  /** What is registered now. */
  get state(): RegistryState {
    return this.current;
  }

  /** How many instances this replica has seen expire since it started. */
  get expiredTotal(): number {
    return this.expiredCount;
  }

  apply(bytes: Uint8Array, context: ApplyContext): RegistryResult {
    const command = decodeCommand(bytes);
    return command === undefined ? { kind: 'malformed' } : this.execute(command, context);
  }

  expire(context: ApplyContext): void {
    this.expiredCount += this.current.expire(context.nowMs);
  }

  nextDeadlineMs(): number | undefined {
    return this.current.nextDeadlineMs();
  }

  snapshot(): Uint8Array {
    return Buffer.concat([...this.snapshotSlices()]);
  }

  snapshotSlices(): Iterable<Uint8Array> {
    return snapshotSlices(this.current);
  }

  restore(snapshot: Uint8Array): void {
    this.current = decodeSnapshot(snapshot, this.limits);
  }

  /**
   * Registrations stay, with their whole time to live: those that live renew them, the others go. Ids of leases have log indexes in them, so none comes twice. Revisions are moved on
   * as far as the log, twice: an entry has at most two. Watchers of before get a reset.
   */
  returnFromBackup({ nowMs, indexGap }: ReturnFromBackup): void {
    this.current.beginAgain(2 * indexGap, nowMs);
  }

  encodeResult(result: RegistryResult): Uint8Array {
    return encodeResult(result);
  }

  decodeResult(bytes: Uint8Array): RegistryResult {
    return decodeResult(bytes);
  }

  private execute(command: Command, at: ApplyContext): RegistryResult {
    switch (command.kind) {
      case 'register':
        return this.current.register(command.instance, command.ttlMs, command.firstRevision, at);
      case 'renew':
        return this.current.renew(command.leaseIds, at);
      case 'deregister':
        return this.current.deregister(command.leaseId);
      case 'setStatus':
        return this.current.setStatus(command.leaseId, command.status);
    }
  }
}
