import { helloworld } from '@raftway/contracts';
import {
  Caller,
  ClientLoad,
  judge,
  type LoadClient,
  Rpc,
  RunHistory,
  seededRandom,
  type SeededRandom,
  type Verdict,
} from '@raftway/testkit';

/** Long enough for whatever ends well. */
const CALL_TIMEOUT_MS = 15_000;
const GREETING_CLIENTS = 2;
/** What is called without end. */
const METHODS = [
  ...['SayHello', 'SayHelloNumbered', 'Acquire', 'Release', 'KeepAlive'],
  ...['NextSequence', 'GenerateIds', 'Register', 'Lookup'],
];
const { sayHello, sayHelloNumbered } = helloworld.GreeterService;

/**
 * Clients of everything behind the gateway, as ordinary as can be: grpc-js with its defaults on one name's one address, a connection each, and one
 * attempt a call. What the gateway or grpc-js do about a failure counts as theirs; what a client hears is written down.
 */
export class Traffic {
  readonly history = new RunHistory();
  private readonly rpcs: Rpc[] = [];
  private readonly load: ClientLoad;

  /** @param gateway `host:port` of its Service */
  constructor(
    private readonly gateway: string,
    seed: number,
  ) {
    const random = seededRandom(seed);
    const others = Array.from({ length: GREETING_CLIENTS }, () => {
      const forked = random.fork();
      return new GreetingClient(this.caller(forked), forked, this.history);
    });
    this.load = new ClientLoad({
      random,
      history: this.history,
      callerFor: (_, forked) => this.caller(forked),
      idSourceOf: workerOf,
      // Whoever wants an answer for each change names it. And no session is to end because this machine is busy.
      habits: { sessionTtlMs: 30_000, requestIdShare: 1 },
      others,
    });
  }

  /** A client with a connection of its own. */
  rpc(): Rpc {
    const rpc = new Rpc({ 'grpc.use_local_subchannel_pool': 1 });
    this.rpcs.push(rpc);
    return rpc;
  }

  /** Makes calls with one attempt each. */
  caller(random: SeededRandom): Caller {
    const limits = { attemptsMax: 1, attemptTimeoutMs: CALL_TIMEOUT_MS };
    return new Caller(this.rpc(), [this.gateway], random, limits);
  }

  start(): void {
    this.load.start();
  }

  /** Unary calls that were not answered, by what their clients were told. */
  failures(): Map<string, number> {
    return new Map([...this.history.refusals].filter(([what]) => !what.startsWith('KeepAlive:')));
  }

  /** Those that are not among `before`, which is what {@link failures} said then. */
  failuresSince(before: ReadonlyMap<string, number>): Map<string, number> {
    return new Map(
      [...this.failures()]
        .map(([what, count]) => [what, count - (before.get(what) ?? 0)] as const)
        .filter(([, count]) => count > 0),
    );
  }

  /** Whether every method was answered more often than `least`. */
  hasAnswered(least: number): boolean {
    const { tallies } = this.history;
    return METHODS.every((method) => (tallies.get(method)?.answered ?? 0) > least);
  }

  /** Ends the load and judges all of it. */
  async judge(): Promise<Verdict[]> {
    await this.load.stop();
    await this.load.lookAtEverything();
    for (const { defects } of this.rpcs) this.history.findings.push(...defects.slice(0, 3));
    return judge(this.history);
  }

  /** For afterAll. */
  close(): void {
    this.load.abandon();
    for (const rpc of this.rpcs) rpc.close();
  }
}

/** Greets, and has its greetings numbered: the greeter then takes a lock and an id through the gateway. */
class GreetingClient implements LoadClient {
  private number = 0;

  constructor(
    private readonly caller: Caller,
    private readonly random: SeededRandom,
    private readonly history: RunHistory,
  ) {}

  async act(): Promise<void> {
    const name = `caller ${(this.number += 1)}`;
    if (this.random.chance(0.2)) {
      const call = await this.caller.call(sayHelloNumbered, { name }, { isRepeatable: true });
      this.history.count('SayHelloNumbered', call.outcome);
      return;
    }
    const { outcome } = await this.caller.call(sayHello, { name }, { isRepeatable: true });
    this.history.count('SayHello', outcome);
    if (outcome.kind === 'answered' && outcome.response.message !== `Hello, ${name}!`) {
      this.history.findings.push(`${name} was greeted with "${outcome.response.message}"`);
    }
  }
}

/** The worker that made an id: bits 12 to 21, see libs/ids/src/snowflake.ts. */
function workerOf(id: bigint): string {
  return `worker ${(id >> 12n) & 1023n}`;
}
