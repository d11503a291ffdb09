import { setTimeout as sleep } from 'node:timers/promises';
import type { SeededRandom } from '../random';
import type { Caller } from './calls';
import type { ClientHabits } from './client-habits';
import type { Service } from './cluster';
import { LockClient } from './lock-client';
import { IdClient, RegistryClient, SequenceClient } from './other-clients';
import type { RunHistory } from './run-history';

const LOCKS = names('lock', 6);
const SEQUENCES = names('sequence', 3);
const REGISTRATIONS = names('service', 8);
const CLIENTS = { lock: 8, sequence: 2, registry: 3, id: 2 };
const HABITS: ClientHabits = { sessionTtlMs: 5_000, requestIdShare: 0.75 };
const THINK_MS_MAX = 90;
/** All leases of a run are over so long after its end. */
const LEASES_END_MS = 40_000;

/** Something that acts again and again. */
export interface LoadClient {
  act(): Promise<void>;
}

/** What a {@link ClientLoad} works with. */
export interface ClientLoadParts {
  readonly random: SeededRandom;
  readonly history: RunHistory;
  /** How a client of a service makes its calls. */
  readonly callerFor: (service: Service, random: SeededRandom) => Caller;
  /**
   * Who made ids: within one source they grow.
   *
   * @default the address that was called
   */
  readonly idSourceOf?: ((value: bigint) => string) | undefined;
  /** @default sessions of 5 s, and three quarters of all changes with a request id */
  readonly habits?: Partial<ClientHabits> | undefined;
  /** Clients beside those of the replicated services. @default none */
  readonly others?: readonly LoadClient[] | undefined;
}

/** Applications that use all replicated services at the same time, without a break, and write down what they are told. */
export class ClientLoad {
  private readonly random: SeededRandom;
  private readonly history: RunHistory;
  private readonly lockClients: LockClient[];
  private readonly sequenceClients: SequenceClient[];
  private readonly registryClients: RegistryClient[];
  private readonly idClients: IdClient[];
  private running = true;
  private loops: Promise<void>[] = [];

  constructor(private readonly parts: ClientLoadParts) {
    const { history, idSourceOf } = parts;
    const habits = { ...HABITS, ...parts.habits };
    this.random = parts.random;
    this.history = history;
    this.lockClients = this.make(CLIENTS.lock, 'lock', 'lock-service', (made) => {
      return new LockClient({ ...made, locks: LOCKS, history, habits });
    });
    this.sequenceClients = this.make(CLIENTS.sequence, 'sequence', 'id-service', (made) => {
      return new SequenceClient({ ...made, keys: SEQUENCES, history, habits });
    });
    this.idClients = this.make(CLIENTS.id, 'id', 'id-service', (made) => {
      return new IdClient({ ...made, keys: [], history, habits }, idSourceOf);
    });
    this.registryClients = this.make(CLIENTS.registry, 'registry', 'registry', (made) => {
      return new RegistryClient({ ...made, keys: REGISTRATIONS, history, habits });
    });
  }

  start(): void {
    const clients: LoadClient[] = [
      ...this.lockClients,
      ...this.sequenceClients,
      ...this.registryClients,
      ...this.idClients,
      ...(this.parts.others ?? []),
    ];
    this.loops = clients.map(async (client) => {
      const random = this.random.fork();
      while (this.running) {
        await client.act();
        await sleep(random.integer(0, THINK_MS_MAX));
      }
    });
  }

  /** Resolves when the calls under way are over. */
  async stop(): Promise<void> {
    this.running = false;
    await Promise.all(this.loops);
  }

  /** Leaves everything as it is. */
  abandon(): void {
    this.running = false;
    for (const client of this.lockClients) client.abandon();
  }

  /** After the end: what was acknowledged must still be there, and nobody may be left with a lock. */
  async lookAtEverything(): Promise<void> {
    await Promise.all(this.lockClients.map((client) => client.stop()));
    const [lockClient] = this.lockClients;
    const [sequenceClient] = this.sequenceClients;
    const [registryClient] = this.registryClients;
    for (const key of REGISTRATIONS) await registryClient?.lookUp(key);
    for (const key of SEQUENCES) await sequenceClient?.take(key);
    const deadline = performance.now() + LEASES_END_MS;
    for (const name of LOCKS) {
      for (;;) {
        await lockClient?.look(name);
        const seen = this.history.locks.at(-1)?.response?.output;
        if (seen?.kind === 'seen' && seen.owner === '') break;
        if (performance.now() > deadline) {
          this.history.findings.push(`"${name}" is still held, and everybody has gone`);
          break;
        }
        await sleep(200);
      }
    }
  }

  private make<Made>(
    count: number,
    kind: string,
    service: Service,
    create: (parts: { name: string; caller: Caller; random: SeededRandom }) => Made,
  ): Made[] {
    return Array.from({ length: count }, (_, index) => {
      const random = this.random.fork();
      const caller = this.parts.callerFor(service, random.fork());
      return create({ name: `${kind}-client-${index + 1}`, caller, random });
    });
  }
}

function names(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind}-${index + 1}`);
}
