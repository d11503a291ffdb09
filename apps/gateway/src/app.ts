import { setTimeout as delay } from 'node:timers/promises';
import { type ServiceView } from '@raftway/discovery';
import { SetAside } from '@raftway/load-balancing';
import { createMetrics, type Logger, type Metrics, silentLogger } from '@raftway/observability';
import {
  Deadlines,
  type RaftwayServer,
  type ServiceImplementation,
  within,
} from '@raftway/service-kit';
import { FlushScheduler, FrameServerEngine, type ServerEngine } from '@raftway/http2';
import { type ServerTls } from '@raftway/tls';
import { type AccessLog } from './adapters/access-log';
import { CompositeMetrics } from './adapters/composite-metrics';
import { FrontDoor } from './adapters/front-door';
import { GatewayMetrics } from './adapters/gateway-metrics';
import { type HealthChecker } from './adapters/health-checker';
import { JsonCatalog } from './adapters/json-catalog';
import { LiveDocuments } from './adapters/live-documents';
import { PartCatalog } from './adapters/part-catalog';
import { type SchemaCatalog } from './adapters/schema-catalog';
import { routableServices } from './adapters/view-adapter';
import { isNeverRouted } from './domain/never-routed';
import { type RoutingChange, RoutingTable } from './domain/routing-table';
import { HealthService, healthServiceName } from './local/health';
import { createLocalServices, reflectionSource } from './local/create-local-services';
import { type LocalServices } from './local/local-services';
import { schemaPath } from './local/reflection';
import { gatewayStopping } from './domain/refusal';
import { createAccessLog } from './create-access-log';
import { createAdminServer } from './create-admin-server';
import { backendFactory } from './create-backend';
import { createUpstreams } from './create-upstreams';
import { createListener, recordedEntrance } from './create-listener';
import { createLimits, type GatewayLimits } from './create-limits';
import { documentSource } from './document-source';
import { type GatewayApp, type GatewayDependencies } from './gateway-app';
import { serverLimits } from './engine-limits';
import { type GatewayOptions } from './options';
import { Dispatcher } from './proxy/dispatcher';
import { HttpRouting } from './proxy/http-routing';
import { createGatekeeper } from './security/create-gatekeeper';
import { type Gatekeeper } from './security/gatekeeper';
import { gatewayAdminService } from './service/gateway-admin-service';
import { MemoryBudget } from './proxy/memory-budget';
import { OpenCalls } from './proxy/open-calls';
import { type ProxyContext } from './proxy/proxy-context';
import { type UpstreamPool } from './proxy/upstream-pool';
import { nowMs, turnNowMs } from './timing';
import { createHttp1, createWeb } from './web/create-web';
import { type Http1Server } from './web/http1-server';
import { type WebEntrance } from './web/web-entrance';

/** How long clients that were told GATEWAY_STOPPING get before their connections are cut, in milliseconds. */
const farewellMs = 250;

/** Routes remembered at most. */
const routesMax = 10_000;

export { type GatewayApp, type GatewayDependencies } from './gateway-app';

/** Builds a gateway; nothing happens before `start()`. */
export function createGatewayApp(dependencies: GatewayDependencies): GatewayApp {
  return new Gateway(dependencies);
}

class Gateway implements GatewayApp {
  private readonly options: GatewayOptions;
  private readonly tls: ServerTls | undefined;
  private readonly view: ServiceView;
  private readonly logger: Logger;
  private readonly metrics: GatewayMetrics;
  private readonly table: RoutingTable;
  private readonly memory: MemoryBudget;
  private readonly openCalls = new OpenCalls();
  private readonly setAside: SetAside;
  private readonly pool: UpstreamPool;
  private readonly checker: HealthChecker;
  private readonly documents: LiveDocuments;
  private readonly limits: GatewayLimits;
  private readonly accessLog: AccessLog | undefined;
  private readonly random: () => number;
  private readonly local: LocalServices;
  private readonly parts: PartCatalog;
  private readonly httpRouting: HttpRouting;
  private readonly web: WebEntrance;
  private readonly gatekeeper: Gatekeeper;
  private readonly dispatcher: Dispatcher;
  private readonly health: HealthService;
  private readonly catalog: SchemaCatalog;
  private readonly scheduler = new FlushScheduler();
  private readonly engine: ServerEngine;
  private readonly http1: Http1Server;
  private readonly door: FrontDoor;
  private readonly admin: RaftwayServer | undefined;
  private boundAddress: string | undefined;
  private unsubscribe: () => void = () => undefined;
  private stopping: Promise<void> | undefined;

  constructor(dependencies: GatewayDependencies) {
    const { options, view, tls, random = Math.random } = dependencies;
    const metrics = dependencies.metrics ?? createMetrics();
    this.options = options;
    this.tls = tls;
    this.view = view;
    this.logger = dependencies.logger ?? silentLogger();
    this.metrics = new GatewayMetrics(metrics, () => this.gauges(), this.onSetAside);
    this.accessLog = createAccessLog(options, this.logger, this.metrics, random);
    this.setAside = new SetAside(random);
    this.table = new RoutingTable({
      ...backendFactory({
        ...{ options, setAside: this.setAside, logger: this.logger, observer: this.metrics, nowMs },
        policyOf: (service) => this.documents.table.current?.backends.get(service),
      }),
      nowMs: turnNowMs,
      random,
      isNeverRouted,
      routesMax,
    });
    this.random = random;
    this.limits = createLimits(options, metrics, this.logger);
    this.documents = new LiveDocuments({
      source: documentSource(options.documents),
      ...{ config: dependencies.config, logger: this.logger },
      onSet: (used, backendsDiffer) => this.onDocuments(used, backendsDiffer),
    });
    this.memory = new MemoryBudget(options.memoryBytesMax);
    const { setAside, logger, scheduler, metrics: observer } = this;
    const parts = { options, tls, setAside, logger, scheduler, observer, random, nowMs };
    ({ pool: this.pool, checker: this.checker, catalog: this.catalog } = createUpstreams(parts));
    this.health = new HealthService({
      isReady: () => this.readiness() === true,
      isLive: (service) => this.isLive(service),
      names: () => this.table.list().map(({ grpcService }) => grpcService),
    });
    const reflected = reflectionSource(this.catalog, this.table);
    const localContext = { memory: this.memory, openCalls: this.openCalls };
    this.local = createLocalServices(localContext, this.health, reflected);
    this.parts = new PartCatalog(new JsonCatalog(reflected, this.logger));
    this.httpRouting = new HttpRouting({
      documents: this.documents.table,
      isLocal: (grpcService) => this.local.serves(grpcService),
      trustForwarded: options.trustForwarded,
    });
    this.web = this.createWebEntrance(metrics);
    this.gatekeeper = createGatekeeper({
      ...{ memory: this.memory, openCalls: this.openCalls, logger: this.logger },
      ...{ observer: this.metrics, nowMs, view, tls },
    });
    this.dispatcher = this.createDispatcher();
    const { dispatcher, accessLog } = this;
    const listener = createListener({
      ...{ options, dispatcher, accessLog, metrics: this.metrics, logger },
    });
    const entrance = recordedEntrance(this.web, accessLog);
    this.engine = new FrameServerEngine(serverLimits(options), listener, this.scheduler, random);
    this.http1 = createHttp1(options, entrance, (detail) => listener.onConnectionError(detail));
    this.door = new FrontDoor({
      bind: options.bind,
      engine: this.engine,
      http1: this.http1,
      connectionsMax: options.connectionsMax,
      prefaceTimeoutMs: options.prefaceTimeoutMs,
      tls,
      onRefused: (cause) => this.metrics.onConnectionRefused(cause),
    });
    this.admin = dependencies.withAdmin === false ? undefined : this.createAdmin(options, metrics);
  }

  get address(): string {
    if (this.boundAddress === undefined) throw new Error('the gateway has not been started');
    return this.boundAddress;
  }

  get adminAddress(): string | undefined {
    return this.admin?.address;
  }

  get httpAddress(): string | undefined {
    return this.admin?.httpAddress;
  }

  get bufferedBytes(): number {
    return this.memory.usedBytes;
  }

  get upstreamConnectionCount(): number {
    return this.pool.connectionCount;
  }

  /** Calls of clients, of all protocols. */
  private get streamCount(): number {
    return this.engine.streamCount + this.http1.streamCount;
  }

  async start(): Promise<void> {
    this.unsubscribe = this.view.onChange(() => this.applyView());
    if (this.isViewReady()) this.applyView();
    await this.limits.open();
    await this.documents.start();
    await this.admin?.start();
    this.boundAddress = await this.door.listen();
    this.logger.info('gateway listens', { address: this.boundAddress });
  }

  stop(): Promise<void> {
    this.stopping ??= this.drain();
    return this.stopping;
  }

  private async drain(): Promise<void> {
    this.stopping ??= Promise.resolve();
    this.logger.info('gateway drains', { calls: this.streamCount });
    this.health.changed();
    await delay(this.options.drainDelayMs);
    this.door.stopListening();
    this.health.endWatches();
    await this.finishCalls();
    this.unsubscribe();
    this.catalog.stop();
    this.checker.stop();
    await this.documents.stop();
    this.gatekeeper.stop();
    this.engine.destroy();
    this.http1.destroy();
    this.door.destroy();
    this.pool.destroy();
    this.limits.close();
    await this.accessLog?.close();
    await this.admin?.stop();
    this.logger.info('gateway has stopped');
  }

  private async finishCalls(): Promise<void> {
    const drained = Promise.all([this.engine.drain(), this.http1.drain()]);
    if (await within(drained, this.options.drainTimeoutMs)) return;
    if (this.streamCount > 0)
      this.logger.warn('calls were cut at the end of the drain', { calls: this.streamCount });
    this.openCalls.stopAll(gatewayStopping());
    await within(drained, farewellMs);
  }

  private createWebEntrance(metrics: Metrics): WebEntrance {
    return createWeb(this.options, {
      dispatch: (...call) => this.dispatcher.dispatchCall(...call),
      httpRouting: this.httpRouting,
      memory: this.memory,
      observer: this.metrics,
      isSafe: (service, method) => this.catalog.schema().isSafe(service, method),
      documents: this.documents.table,
      table: this.table,
      parts: this.parts,
      composites: new CompositeMetrics(metrics),
      judgeSchema: (exchange, outcomes) =>
        this.dispatcher.judgeExchange(exchange, schemaPath, outcomes),
      judgeCaller: (...call) => this.dispatcher.judgeCaller(...call),
    });
  }

  private createDispatcher(): Dispatcher {
    const context: ProxyContext = {
      pool: this.pool,
      deadlines: new Deadlines(nowMs),
      memory: this.memory,
      openCalls: this.openCalls,
      limits: this.limits.context,
      observer: this.metrics,
      logger: this.logger,
      replayBytesMax: this.options.retryBufferBytesMax,
      trustForwarded: this.options.trustForwarded,
      upstreamScheme: this.tls === undefined ? 'http' : 'https',
      nowMs: turnNowMs,
      wallMs: Date.now,
      random: this.random,
    };
    return new Dispatcher(context, {
      table: this.table,
      local: this.local,
      documents: this.documents.table,
      gatekeeper: this.gatekeeper,
      httpRouting: this.httpRouting,
      isViewReady: () => this.isViewReady(),
      isNeverRouted,
      timeoutMaxMs: this.timeoutMaxMs,
      sessionKey: this.options.sessionKey,
      onHttp: (exchange) => this.web.open(exchange),
    });
  }

  private get timeoutMaxMs(): number | undefined {
    return this.options.timeoutMaxMs === 0 ? undefined : this.options.timeoutMaxMs;
  }

  private createAdmin(options: GatewayOptions, metrics: Metrics): RaftwayServer {
    const { logger, tls } = this;
    const parts = { options, logger, tls, metrics, services: [this.createAdminService()] };
    return createAdminServer({ ...parts, readiness: () => this.readiness() });
  }

  private createAdminService(): ServiceImplementation {
    return gatewayAdminService({
      table: this.table,
      documents: this.documents.table,
      documentsPath: this.documents.store === undefined ? this.options.documents : undefined,
      store: this.documents.store,
      nowMs,
      apply: (set, compiled) => this.documents.apply(set, compiled),
      refusalOf: (grpcService) => this.dispatcher.refusalOf(grpcService),
      isLocal: (grpcService) => this.local.serves(grpcService),
      security: this.gatekeeper,
      sessions: this.dispatcher.traffic.sessions,
      httpRouting: this.httpRouting,
      parts: this.parts,
      jsonIsOn: this.options.jsonTranscoding,
      timeoutMaxMs: this.timeoutMaxMs,
      sharesLimits: this.options.rateLimitRedisUrl !== undefined,
      wallMs: Date.now,
    });
  }

  private onDocuments(used: boolean, backendsDiffer: boolean): void {
    this.metrics.onDocumentSet(used);
    const { current } = this.documents.table;
    if (!used || current === undefined) return;
    this.gatekeeper.follow(current.security);
    this.limits.retain(current);
    this.table.trackServices(this.documents.table.services(), Date.now());
    if (backendsDiffer) this.table.reconfigure();
    this.pool.retain((key) => this.table.hasEndpoint(key));
    this.checker.update(this.table.checkedEndpoints());
    this.health.changed();
  }

  private readiness(): true | string {
    if (this.stopping !== undefined) return 'the gateway is stopping';
    const { unreadyBecause } = this.documents;
    if (unreadyBecause !== undefined) return unreadyBecause;
    return this.isViewReady() ? true : 'the registry has not been reached yet';
  }

  private isViewReady(): boolean {
    return this.view.revision() > 0n || this.view.ageMs() !== Number.POSITIVE_INFINITY;
  }

  private isLive(service: string): boolean | undefined {
    if (service === healthServiceName) return true;
    const route = this.table.route(service);
    return route === undefined ? this.table.serviceIsLive(service) : route.endpoints.size > 0;
  }

  private applyView(): void {
    const change: RoutingChange = this.table.update(routableServices(this.view), Date.now());
    this.pool.retain((key) => this.table.hasEndpoint(key));
    this.checker.update(this.table.checkedEndpoints());
    for (const conflict of change.newConflicts)
      this.logger.warn('two services claim one gRPC service', { ...conflict });
    this.catalog.update(this.view);
    this.health.changed();
  }

  private readonly onSetAside = (service: string, address: string, detail: string): void => {
    this.logger.warn('instance set aside', { service, address, detail });
  };

  private gauges() {
    const routes = this.table.list();
    return {
      clientConnections: this.door.connectionCount,
      clientStreams: this.streamCount,
      upstreamConnections: this.pool.connectionCount,
      bufferedBytes: this.memory.usedBytes,
      endpointsLive: this.table.endpointCount,
      endpointsSetAside: this.setAside.size,
      endpointsEjected: this.table.ejectedCount(nowMs()),
      endpointsUnhealthy: this.table.unhealthyCount,
      routes: routes.length,
      routesWithoutInstance: routes.filter(({ endpoints }) => endpoints.size === 0).length,
      routeConflicts: this.table.conflicts().length,
      documents: this.documents.table.current?.sources.length ?? 0,
      documentProblems: this.documents.table.problems.length,
      securityPoliciesUnloaded: this.gatekeeper.unloadedCount,
      registryAgeSeconds: Math.min(this.view.ageMs() / 1000, Number.MAX_SAFE_INTEGER),
    };
  }
}
