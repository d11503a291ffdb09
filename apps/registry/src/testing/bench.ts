import { registry } from '@raftway/contracts';
import { encodeCommand, type Command } from '../domain/commands';
import type { StateLimits } from '../domain/limits';
import { RegistryStateMachine } from '../domain/registry-state-machine';
import type { RegistryResult } from '../domain/results';

/** An instance with every field filled in, as the service layer hands it to the state machine. */
export function instanceOf(
  service: string,
  instanceId: string,
  fields: Partial<registry.Instance> = {},
): registry.Instance {
  return {
    service,
    instanceId,
    address: '127.0.0.1:50051',
    protocol: 'grpc',
    grpcServices: [`${service}.Service`],
    status: registry.InstanceStatus.SERVING,
    weight: 100,
    zone: '',
    version: '',
    metadata: {},
    modifiedRevision: 0n,
    ...fields,
  };
}

/** A state machine with a log of its own: each command takes the next index, at the log-clock time that the test sets. */
export class Bench {
  machine: RegistryStateMachine;
  index = 0;
  nowMs = 0;

  constructor(readonly limits?: StateLimits) {
    this.machine = new RegistryStateMachine(limits);
  }

  run(command: Command): RegistryResult {
    this.index += 1;
    const context = { index: this.index, nowMs: this.nowMs };
    this.machine.expire(context);
    return this.machine.apply(encodeCommand(command), context);
  }

  /** Lets the log clock pass and applies an expiry entry. */
  passTime(ms: number): void {
    this.index += 1;
    this.nowMs += ms;
    this.machine.expire({ index: this.index, nowMs: this.nowMs });
  }

  /** Registers and yields the lease id; firstRevision is 1 so that revisions are small numbers. */
  register(instance: registry.Instance, ttlMs = 10_000): string {
    const result = this.run({ kind: 'register', instance, ttlMs, firstRevision: 1 });
    if (result.kind !== 'registered') throw new Error(`not registered: ${result.kind}`);
    return result.leaseId;
  }

  /** A second machine, restored from this one's snapshot. */
  restored(): RegistryStateMachine {
    const machine = new RegistryStateMachine(this.limits);
    machine.restore(this.machine.snapshot());
    return machine;
  }

  /** `service/instance` of everything registered, in the order of snapshots. */
  names(): string[] {
    return [...this.machine.state.services.values()].flatMap((record) =>
      [...record.registrations.keys()].map((instanceId) => `${record.name}/${instanceId}`),
    );
  }
}
