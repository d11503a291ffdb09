import type { ApplyContext, ReturnFromBackup, StateMachine } from '@raftway/raft/state-machine';
import { decodeCommand, type Command } from './commands';
import { CONFIG_LIMITS, type ConfigLimits } from './config-limits';
import { ConfigState } from './config-state';
import { STATE_LIMITS, type StateLimits } from './limits';
import { RegistryState } from './registry-state';
import { decodeResult, encodeResult, type RegistryResult } from './results';
import { decodeSnapshot, snapshotSlices } from './snapshot';

/**
 * The registry as Raft sees it: bytes in, results out. Read {@link RegistryStateMachine.state} and {@link RegistryStateMachine.config} for queries; a restore
 * replaces the objects, so do not hold on to them.
 */
export class RegistryStateMachine implements StateMachine<RegistryResult> {
  private current: RegistryState;
  private currentConfig: ConfigState;
  private expiredCount = 0;

  constructor(
    private readonly limits: StateLimits = STATE_LIMITS,
    private readonly configLimits: ConfigLimits = CONFIG_LIMITS,
  ) {
    this.current = new RegistryState(limits);
    this.currentConfig = new ConfigState(configLimits);
  }

  /** What is registered now. */
  get state(): RegistryState {
    return this.current;
  }

  /** What is configured now. */
  get config(): ConfigState {
    return this.currentConfig;
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
    return snapshotSlices(this.current, this.currentConfig);
  }

  restore(snapshot: Uint8Array): void {
    const { state, config } = decodeSnapshot(snapshot, this.limits, this.configLimits);
    this.current = state;
    this.currentConfig = config;
  }

  /**
   * Registrations stay, with their whole time to live: those that live renew them, the others go. Ids of leases have log indexes in them, so none comes twice. Revisions are moved on
   * as far as the log, twice: an entry has at most two. Watchers of before get a reset. Configuration stays as it is.
   */
  returnFromBackup({ nowMs, indexGap }: ReturnFromBackup): void {
    this.current.beginAgain(2 * indexGap, nowMs);
    this.currentConfig.beginAgain(2 * indexGap);
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
      case 'configTransaction':
        return this.currentConfig.apply(command);
    }
  }
}
