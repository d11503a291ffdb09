/**
 * The state machine against a model that a reader can check at a glance: a plain list of leases, searched from end to end. The same run
 * is also made by a second machine that is snapshotted and restored before every step, and by a watcher that applies what it missed.
 */
import { type registry } from '@raftway/contracts';
import fc from 'fast-check';
import { Bench, instanceOf } from '../testing/bench';
import type { Command } from './commands';
import { STATE_LIMITS } from './limits';
import { type RegistryStateMachine } from './registry-state-machine';

interface ModelLease {
  leaseId: string;
  name: string;
  ttlMs: number;
  deadlineMs: number;
  status: registry.InstanceStatus;
}

type Step =
  | { kind: 'register'; service: number; instance: number; ttlMs: number }
  | { kind: 'renew'; lease: number }
  | { kind: 'deregister'; lease: number }
  | { kind: 'setStatus'; lease: number; status: number }
  | { kind: 'wait'; ms: number };

const lease = fc.nat({ max: 30 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({
    kind: fc.constant('register' as const),
    service: fc.nat({ max: 2 }),
    instance: fc.nat({ max: 3 }),
    ttlMs: fc.integer({ min: 1, max: 50 }),
  }),
  fc.record({ kind: fc.constant('renew' as const), lease }),
  fc.record({ kind: fc.constant('deregister' as const), lease }),
  fc.record({ kind: fc.constant('setStatus' as const), lease, status: fc.nat({ max: 3 }) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat({ max: 40 }) }),
);

const limits = { ...STATE_LIMITS, historyChangesMax: 8 };

function commandOf(step: Exclude<Step, { kind: 'wait' }>, leaseIds: readonly string[]): Command {
  if (step.kind === 'register') {
    const instance = instanceOf(`s${step.service}`, `i${step.instance}`, {
      metadata: { 10: 'a', 2: 'b', x: 'c' },
    });
    return { kind: 'register', instance, ttlMs: step.ttlMs, firstRevision: 1 };
  }
  const leaseId = leaseIds[step.lease % Math.max(leaseIds.length, 1)] ?? 'none';
  if (step.kind === 'renew') return { kind: 'renew', leaseIds: [leaseId, 'none'] };
  if (step.kind === 'deregister') return { kind: 'deregister', leaseId };
  return { kind: 'setStatus', leaseId, status: step.status };
}

/** What a watcher keeps, and how far it has read. */
class Watcher {
  revision = 0;
  readonly known = new Map<string, Map<string, registry.Instance>>();

  catchUp(machine: RegistryStateMachine): void {
    const { state } = machine;
    const missed = state.changesSince(this.revision);
    if (missed === undefined) this.known.clear();
    const upserts = missed?.upserts ?? listed(machine);
    for (const { service, instanceId } of missed?.removals ?? []) {
      const instances = this.known.get(service);
      instances?.delete(instanceId);
      if (instances?.size === 0) this.known.delete(service);
    }
    for (const instance of upserts) {
      const instances = this.known.get(instance.service) ?? new Map<string, registry.Instance>();
      this.known.set(instance.service, instances.set(instance.instanceId, instance));
    }
    this.revision = state.revision;
  }

  list(): registry.Instance[] {
    return [...this.known.values()].flatMap((instances) => [...instances.values()]);
  }
}

function listed(machine: RegistryStateMachine): registry.Instance[] {
  return [...machine.state.services.values()].flatMap((record) =>
    [...record.registrations.values()].map(({ instance }) => instance),
  );
}

/** A watcher that missed an instance's removal and another's arrival knows the same instances in another order. */
function byName(instances: readonly registry.Instance[]): Record<string, registry.Instance> {
  return Object.fromEntries(instances.map((each) => [`${each.service}/${each.instanceId}`, each]));
}

describe('any history of commands', () => {
  it('gives what a naive model gives, also across restores, and watchers that resume see the same list', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(step, fc.boolean()), { maxLength: 80 }), (steps) => {
        const bench = new Bench(limits);
        const restoring = new Bench(limits);
        const watcher = new Watcher();
        const leaseIds: string[] = [];
        let model: ModelLease[] = [];

        for (const [step, watches] of steps) {
          restoring.machine = restoring.restored();
          const before = bench.machine.snapshot();
          const begunBefore = bench.machine.snapshotSlices();
          if (step.kind === 'wait') {
            bench.passTime(step.ms);
            restoring.passTime(step.ms);
            model = model.filter(({ deadlineMs }) => deadlineMs > bench.nowMs);
          } else {
            const command = commandOf(step, leaseIds);
            const result = bench.run(command);
            expect(restoring.run(command)).toEqual(result);

            const found = model.find((each) =>
              command.kind === 'renew'
                ? each.leaseId === command.leaseIds[0]
                : 'leaseId' in command && each.leaseId === command.leaseId,
            );
            if (command.kind === 'register') {
              if (result.kind !== 'registered') throw new Error(result.kind);
              const name = `${command.instance.service}/${command.instance.instanceId}`;
              const { leaseId, ttlMs } = result;
              const { status } = command.instance;
              model = model.filter((each) => each.name !== name);
              model.push({ leaseId, name, ttlMs, deadlineMs: bench.nowMs + ttlMs, status });
              leaseIds.push(leaseId);
            } else if (command.kind === 'renew') {
              expect(result).toEqual({ kind: 'renewed', ttlsMs: [found?.ttlMs ?? 0, 0] });
              if (found !== undefined) found.deadlineMs = bench.nowMs + found.ttlMs;
            } else if (found === undefined) {
              expect(result.kind).toBe('leaseNotFound');
            } else if (command.kind === 'deregister') {
              model = model.filter((each) => each !== found);
            } else if (command.kind === 'setStatus') {
              found.status = command.status;
            }
          }

          // What was begun before the step is of the state before it.
          expect(Buffer.compare(Buffer.concat([...begunBefore]), before)).toBe(0);
          const actual = listed(bench.machine).map((each) => [
            `${each.service}/${each.instanceId}`,
            each.status,
          ]);
          expect(actual.sort()).toEqual(model.map(({ name, status }) => [name, status]).sort());
          const deadlines = model.map(({ deadlineMs }) => deadlineMs);
          const next = deadlines.length === 0 ? undefined : Math.min(...deadlines);
          expect(bench.machine.nextDeadlineMs()).toBe(next);
          expect(Buffer.from(restoring.machine.snapshot())).toEqual(
            Buffer.from(bench.machine.snapshot()),
          );
          if (watches) {
            watcher.catchUp(bench.machine);
            expect(byName(watcher.list())).toEqual(byName(listed(bench.machine)));
          }
        }
      }),
      { numRuns: 300 },
    );
  });
});
