import { checkLinearizability } from '../linearizability/check';
import { distinctRegisterModel } from '../linearizability/distinct-register-model';
import { partitionByKey } from '../linearizability/history';
import type { Operation } from '../linearizability/history';
import type { RegisterInput, RegisterOutput } from '../linearizability/register-model';
import type { Coverage } from './coverage';
import { registerOf } from './state-machine';
import { SafetyViolation } from './violation';

/** How often the model may be asked for one register; what needs more is left undecided and counted. */
const STEPS_MAX = 20_000;

type Call = Operation<RegisterInput, RegisterOutput>;

/** What clients asked and were told, in virtual time, without what only somebody who looks into servers can know. */
export class ClientHistory {
  private readonly calls: Call[] = [];

  /** A command, which writes its id. `acknowledgedAt` is undefined when nobody knows what became of it; one that was refused does not belong here. */
  wrote(id: string, invokedAt: number, acknowledgedAt: number | undefined): void {
    this.calls.push({
      name: id,
      key: registerOf(id),
      input: { kind: 'write', value: id },
      invokedAt,
      response: acknowledgedAt === undefined ? undefined : { at: acknowledgedAt, output: '' },
    });
  }

  /** A read that was answered. */
  read(name: string, register: string, invokedAt: number, at: number, value: string): void {
    const response = { at, output: value };
    this.calls.push({ name, key: register, input: { kind: 'read' }, invokedAt, response });
  }

  /** @throws SafetyViolation unless there is an order in which each register gives these answers. */
  check(coverage: Coverage): void {
    coverage.callsJudged += this.calls.length;
    for (const calls of partitionByKey(this.calls).values()) {
      const model = distinctRegisterModel(calls);
      const { verdict, findings } = checkLinearizability(calls, model, { stepsMax: STEPS_MAX });
      if (verdict === 'violated') throw new SafetyViolation(findings.join('; '));
      coverage.registersUndecided += findings.length;
    }
  }
}
