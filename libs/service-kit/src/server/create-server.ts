import { setTimeout as delay } from 'node:timers/promises';
import { createMetrics, silentLogger, type Logger, type Metrics } from '@raftway/observability';
import type { ServiceImplementation } from '../rpc/handlers';
import { adaptService, type OpenCall } from './adapt-service';
import { CallRunner } from './call-runner';
import { CallTracker } from './call-tracker';
import { HealthState, healthService } from './health';
import { GrpcListener } from './grpc/grpc-listener';
import { HttpProbes } from './http-probes';
import { reflectionServices } from './reflection';
import { resolveServerLimits } from './server-limits';
import { reportServer } from './server-metrics';
import type { RaftwayServer, ServerComponent, ServerOptions } from './server-types';
import { within } from './within';

/** Full names of the services that every server has. */
const HEALTH = 'grpc.health.v1.Health';
const REFLECTION = [
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

/** How long calls that were told to end get before their connections are cut, in milliseconds. */
const FORCE_GRACE_MS = 250;

/**
 * Makes a server with health, reflection (v1 and v1alpha), limits, metrics and an orderly stop; nothing happens before start().
 *
 * @throws TypeError or RangeError for options that make no sense, such as a service without a handler.
 */
export function createServer(options: ServerOptions): RaftwayServer {
  return new GrpcServer(options);
}

class GrpcServer implements RaftwayServer {
  private readonly logger: Logger;
  private readonly metrics: Metrics;
  private readonly grpc: GrpcListener;
  private readonly tracker: CallTracker;
  private readonly health: HealthState;
  private readonly probes: HttpProbes | undefined;
  private readonly replica: ServerComponent | undefined;
  private boundAddress: string | undefined;
  private stopping: Promise<void> | undefined;

  constructor(private readonly options: ServerOptions) {
    const limits = resolveServerLimits(options.limits);
    this.logger = options.logger ?? silentLogger();
    this.metrics = options.metrics ?? createMetrics({ processMetrics: false });
    this.replica = options.replica;
    const services = [...options.services, ...(options.replica?.services ?? [])];
    const names = services.map(({ name }) => name);

    this.tracker = new CallTracker(limits.concurrentCallsMax);
    this.health = new HealthState(names, () => this.reasons().length === 0);
    reportServer(this.metrics, () => this.reasons().length === 0);
    const own = [
      healthService(this.health),
      ...reflectionServices([...names, HEALTH, ...REFLECTION]),
    ];
    const runner = (limited: boolean): CallRunner =>
      new CallRunner(this.logger, this.metrics, this.tracker, limited);
    this.grpc = new GrpcListener({
      bind: options.bind ?? '127.0.0.1:0',
      limits,
      methods: new Map([...methodsOf(services, runner(true)), ...methodsOf(own, runner(false))]),
      logger: this.logger,
      tls: options.tls,
    });
    const { httpBind } = options;
    if (httpBind !== undefined) {
      this.probes = new HttpProbes(httpBind, {
        metrics: this.metrics,
        logger: this.logger,
        reasons: () => this.reasons(),
      });
    }
  }

  get address(): string {
    if (this.boundAddress === undefined) throw new Error('the server does not listen yet');
    return this.boundAddress;
  }

  get httpAddress(): string | undefined {
    return this.probes?.address;
  }

  setServingStatus(service: string, serving: boolean): void {
    this.health.setServingStatus(service, serving);
  }

  async start(): Promise<void> {
    try {
      // Probes first: while a replica recovers, /livez says that the process lives and /readyz why it is not ready.
      await this.probes?.listen();
      await this.replica?.start();
      this.boundAddress = await this.grpc.listen();
    } catch (error) {
      this.grpc.destroy();
      await Promise.allSettled([this.probes?.close(), this.replica?.stop()]);
      throw error;
    }
    this.replica?.reportServing((service, serving) => this.setServingStatus(service, serving));
    this.logger.info('listening', { address: this.address, httpAddress: this.httpAddress });
  }

  stop(): Promise<void> {
    return (this.stopping ??= this.drainAndStop());
  }

  private reasons(): string[] {
    const reasons: string[] = [];
    if (this.stopping !== undefined) reasons.push('draining');
    if (this.boundAddress === undefined) reasons.push('starting');
    for (const answer of [this.options.readiness?.(), this.replica?.readiness()]) {
      if (typeof answer === 'string') reasons.push(answer);
    }
    return reasons;
  }

  private async drainAndStop(): Promise<void> {
    const { drainDelayMs = 1000, drainTimeoutMs = 10_000 } = this.options;
    if (this.boundAddress !== undefined) {
      this.health.drain();
      this.logger.info('draining', { callsInProgress: this.tracker.size, drainDelayMs });
      // Load balancers need this long to notice NOT_SERVING; calls that they still send are served.
      await delay(drainDelayMs);
      await this.finishCalls(drainTimeoutMs);
    }
    this.grpc.destroy();
    await this.replica?.stop();
    await this.probes?.close();
    this.logger.info('stopped');
  }

  private async finishCalls(timeoutMs: number): Promise<void> {
    this.tracker.drain();
    const finished = Promise.all([this.tracker.idle(), this.grpc.drain()]);
    if (await within(finished, timeoutMs)) return;
    this.logger.warn('calls outlast the drain', { callsInProgress: this.tracker.size });
    this.tracker.abortAll();
    await within(finished, FORCE_GRACE_MS);
  }
}

function methodsOf(
  services: readonly ServiceImplementation[],
  runner: CallRunner,
): (readonly [string, OpenCall])[] {
  return services.flatMap((service) => [...adaptService(service, runner)]);
}
