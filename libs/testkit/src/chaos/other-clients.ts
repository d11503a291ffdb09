import { id, registry } from '@raftway/contracts';
import type { SeededRandom } from '../random';
import type { Caller } from './calls';
import type { ClientHabits } from './client-habits';
import type { RunHistory } from './run-history';
import { seconds } from './sessions';

const REGISTRATION_TTL_MS = 3_600_000;

/** What a client works with. */
export interface ClientParts {
  readonly name: string;
  /** Names of sequences, or of services. */
  readonly keys: readonly string[];
  readonly caller: Caller;
  readonly random: SeededRandom;
  readonly history: RunHistory;
  readonly habits: ClientHabits;
}

/** Takes numbers from sequences. */
export class SequenceClient {
  private number = 0;

  constructor(private readonly parts: ClientParts) {}

  async act(): Promise<void> {
    await this.take(this.parts.random.pick(this.parts.keys));
  }

  /** Takes the next few numbers of one sequence. */
  async take(key: string): Promise<void> {
    const { name, caller, random, history, habits } = this.parts;
    this.number += 1;
    const count = random.integer(1, 5);
    const requestId = random.chance(habits.requestIdShare) ? `${name}-${this.number}` : '';
    const request = id.NextSequenceRequest.fromPartial({ name: key, count, requestId });
    const plan = { isRepeatable: requestId !== '', attemptsMax: 6 };
    const call = await caller.call(id.IdServiceService.nextSequence, request, plan);
    history.count('NextSequence', call.outcome);
    const { outcome, invokedAt, respondedAt } = call;
    if (outcome.kind === 'refused') return;
    const response =
      outcome.kind === 'unknown'
        ? undefined
        : {
            at: respondedAt,
            output: {
              first: Number(outcome.response.first),
              last: Number(outcome.response.last),
            },
          };
    history.sequences.push({
      name: `${name}, call ${this.number}`,
      key,
      input: { count },
      invokedAt,
      response,
    });
  }
}

/** Makes ids. */
export class IdClient {
  private number = 0;

  /** @param sourceOf who made an id. @default the address that was called */
  constructor(
    private readonly parts: ClientParts,
    private readonly sourceOf?: (value: bigint) => string,
  ) {}

  async act(): Promise<void> {
    const { name, caller, random, history } = this.parts;
    this.number += 1;
    const request = id.GenerateIdsRequest.fromPartial({ count: random.integer(1, 40) });
    const { generateIds } = id.IdServiceService;
    const call = await caller.call(generateIds, request, { isRepeatable: true });
    history.count('GenerateIds', call.outcome);
    if (call.outcome.kind !== 'answered') return;
    if (call.outcome.response.ids.length !== request.count) {
      history.findings.push(`${name} asked for ${request.count} ids and was given another number`);
    }
    const ids = call.outcome.response.ids.map(({ value }) => value);
    history.ids.push({
      name: `${name}, call ${this.number}`,
      source: this.sourceOf?.(ids[0] ?? 0n) ?? call.address,
      invokedAt: call.invokedAt,
      respondedAt: call.respondedAt,
      ids,
    });
  }
}

/** Registers instances and looks them up: the address of a service's one instance is a register. */
export class RegistryClient {
  private number = 0;

  constructor(private readonly parts: ClientParts) {}

  async act(): Promise<void> {
    const { random, keys } = this.parts;
    const key = random.pick(keys);
    if (random.chance(0.35)) await this.register(key);
    else await this.lookUp(key);
  }

  /** Where is the instance? */
  async lookUp(key: string): Promise<void> {
    const { name, caller, history } = this.parts;
    const { lookup } = registry.RegistryServiceService;
    const call = await caller.call(lookup, { service: key }, { isRepeatable: true });
    history.count('Lookup', call.outcome);
    if (call.outcome.kind !== 'answered') return;
    const { instances } = call.outcome.response;
    if (instances.length > 1) history.findings.push(`${key} has ${instances.length} instances`);
    const response = { at: call.respondedAt, output: instances[0]?.address ?? '' };
    const { invokedAt } = call;
    history.registers.push({ name, key, input: { kind: 'read' }, invokedAt, response });
  }

  private async register(key: string): Promise<void> {
    const { name, caller, random, history, habits } = this.parts;
    this.number += 1;
    const value = `${name}:${this.number}`;
    const requestId = random.chance(habits.requestIdShare) ? `${name}-${this.number}` : '';
    const request = registry.RegisterRequest.fromPartial({
      instance: { service: key, instanceId: 'only', address: value },
      ttl: seconds(REGISTRATION_TTL_MS),
      requestId,
    });
    const plan = { isRepeatable: requestId !== '' };
    const call = await caller.call(registry.RegistryServiceService.register, request, plan);
    history.count('Register', call.outcome);
    const { outcome, invokedAt, respondedAt } = call;
    if (outcome.kind === 'refused') return;
    const isKnown = outcome.kind === 'answered';
    history.registers.push({
      name,
      key,
      input: { kind: 'write', value },
      invokedAt,
      response: isKnown ? { at: respondedAt, output: '' } : undefined,
    });
    if (!isKnown) return;
    const ids = [outcome.response.revision];
    history.revisions.push({ name: value, source: 'registry', invokedAt, respondedAt, ids });
  }
}
