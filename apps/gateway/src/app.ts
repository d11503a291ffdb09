import { setTimeout as delay } from 'node:timers/promises';
import { type ConfigView, type ServiceView } from '@raftway/discovery';
import { SetAside } from '@raftway/load-balancing';
import { createMetrics, type Logger, type Metrics, silentLogger } from '@raftway/observability';
import {
  createServer,
  Deadlines,
  type RaftwayServer,
  type ServiceImplementation,
  within,
} from '@raftway/service-kit';
import {
  FlushScheduler,
  FrameServerEngine,
  type ServerEngine,
  type ServerListener,
} from '@raftway/http2';
import { type ServerTls } from '@raftway/tls';
import { CompositeMetrics } from './adapters/composite-metrics';
import { FrontDoor } from './adapters/front-door';
import { GatewayMetrics } from './adapters/gateway-metrics';
import { JsonCatalog } from './adapters/json-catalog';
import { LiveDocuments } from './adapters/live-documents';
import { PartCatalog } from './adapters/part-catalog';
import { fileLearner } from './adapters/reflection-client';
import { SchemaCatalog } from './adapters/schema-catalog';
import { routableServices } from './adapters/view-adapter';
import { isNeverRouted } from './domain/never-routed';
import { type RoutingChange, RoutingTable } from './domain/routing-table';
import { HealthService, healthServiceName } from './local/health';
import { createLocalServices, reflectionSource } from './local/create-local-services';
import { type LocalServices } from './local/local-services';
import { gatewayStopping } from './domain/refusal';
import { backendFactory } from './create-backend';
import { documentSource } from './document-source';
import { createPool } from './create-pool';
import { serverLimits } from './engine-limits';
import { type GatewayOptions, loadBalancingOf } from './options';
import { protectionOf } from './protection-options';
import { Dispatcher } from './proxy/dispatcher';
import { HttpRouting } from './proxy/http-routing';
import { gatewayAdminService } from './service/gateway-admin-service';
import { MemoryBudget } from './proxy/memory-budget';
import { OpenCalls } from './proxy/open-calls';
import { type ProxyContext } from './proxy/proxy-context';
import { type UpstreamPool } from './proxy/upstream-pool';
import { nowMs } from './timing';
import { createHttp1, createWeb } from './web/create-web';
import { type Http1Server } from './web/http1-server';
import { type WebEntrance } from './web/web-entrance';

/** How long clients that were told GATEWAY_STOPPING get before their connections are cut, in milliseconds. */
const farewellMs = 250;

/** Routes remembered at most. */
const routesMax = 10_000;

/** What a gateway is built from. */
export interface GatewayDependencies {
  readonly options: GatewayOptions;
  /** The registry's live view. The gateway does not close it. */
  readonly view: ServiceView;
  /** The registry's entries that are documents, when the options name them (`registry:///…`). The gateway does not close it. */
  readonly config?: ConfigView | undefined;
  /** @default silent */
  readonly logger?: Logger;
  /** @default a registry of its own */
  readonly metrics?: Metrics;
  /** Certificates of all ports and connections. @default plaintext */
  readonly tls?: ServerTls | undefined;
  /** A number from 0 to 1. @default Math.random */
  readonly random?: () => number;
  /** Whether the admin and HTTP servers are started. @default true */
  readonly withAdmin?: boolean;
}

/** A gateway in this process. */
export interface GatewayApp {
  start(): Promise<void>;
  /** NOT_SERVING → drain delay → GOAWAY → open calls finish, at most the drain timeout → the rest gets GATEWAY_STOPPING. Once; a second call waits for the first. */
  stop(): Promise<void>;
  /** host:port of the one port. @throws Error before start */
  readonly address: string;
  /** host:port of the admin server; undefined without one. */
  readonly adminAddress: string | undefined;
  /** host:port of /metrics, /livez and /readyz; undefined without admin. */
  readonly httpAddress: string | undefined;
  /** Bytes of calls that are held now. */
  readonly bufferedBytes: number;
  /** Open connections to instances. */
  readonly upstreamConnectionCount: number;
}

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
  private readonly documents: LiveDocuments;
  private readonly random: () => number;
  private readonly local: LocalServices;
  private readonly parts: PartCatalog;
  private readonly httpRouting: HttpRouting;
  private readonly web: WebEntrance;
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
    this.metrics = new GatewayMetrics(metrics, () => this.gauges(), this.onConnectFailure);
    this.setAside = new SetAside(random);
    const loadBalancing = loadBalancingOf(options);
    this.table = new RoutingTable({
      backend: backendFactory({
        loadBalancing: (service) => ({
          ...loadBalancing,
          ...this.documents.table.current?.backends.get(service)?.loadBalancing,
        }),
        protection: protectionOf(options),
        ...{ setAside: this.setAside, logger: this.logger, observer: this.metrics },
      }),
      nowMs,
      random,
      isNeverRouted,
      routesMax,
    });
    this.random = random;
    this.documents = new LiveDocuments({
      source: documentSource(options.documents),
      ...{ config: dependencies.config, logger: this.logger },
      onSet: (used, backendsDiffer) => this.onDocuments(used, backendsDiffer),
    });
    const { scheduler, setAside } = this;
    this.memory = new MemoryBudget(options.memoryBytesMax);
    this.pool = createPool(options, { tls, scheduler, setAside, observer: this.metrics });
    this.health = new HealthService({
      isReady: () => this.readiness() === true,
      isLive: (service) => this.isLive(service),
      names: () => this.table.list().map(({ grpcService }) => grpcService),
    });
    this.catalog = new SchemaCatalog(fileLearner(tls?.source), this.logger);
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
    this.dispatcher = this.createDispatcher();
    const listener = this.createListener();
    this.engine = new FrameServerEngine(serverLimits(options), listener, this.scheduler);
    this.http1 = createHttp1(options, this.web, (detail) => listener.onConnectionError(detail));
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
    await this.documents.stop();
    this.engine.destroy();
    this.http1.destroy();
    this.door.destroy();
    this.pool.destroy();
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
    });
  }

  private createDispatcher(): Dispatcher {
    const context: ProxyContext = {
      pool: this.pool,
      deadlines: new Deadlines(nowMs),
      memory: this.memory,
      openCalls: this.openCalls,
      observer: this.metrics,
      logger: this.logger,
      replayBytesMax: this.options.retryBufferBytesMax,
      trustForwarded: this.options.trustForwarded,
      upstreamScheme: this.tls === undefined ? 'http' : 'https',
      nowMs,
      wallMs: Date.now,
      random: this.random,
    };
    return new Dispatcher(context, {
      ...{ table: this.table, local: this.local, documents: this.documents.table },
      httpRouting: this.httpRouting,
      isViewReady: () => this.isViewReady(),
      isNeverRouted,
      timeoutMaxMs: this.timeoutMaxMs,
      onHttp: (exchange) => this.web.open(exchange),
    });
  }

  private get timeoutMaxMs(): number | undefined {
    return this.options.timeoutMaxMs === 0 ? undefined : this.options.timeoutMaxMs;
  }

  private createListener(): ServerListener {
    return {
      onStream: (stream, headers, ended, from) =>
        this.dispatcher.dispatch(stream, headers, ended, from),
      onConnectionError: (detail) => {
        this.metrics.onConnectionBroken();
        this.logger.debug('client connection broke', { detail });
      },
    };
  }

  private createAdmin(options: GatewayOptions, metrics: Metrics): RaftwayServer {
    return createServer({
      ...{ name: 'gateway', bind: options.adminBind, httpBind: options.httpBind },
      services: [this.createAdminService()],
      ...{ logger: this.logger, metrics, tls: this.tls },
      readiness: () => this.readiness(),
      ...{ drainDelayMs: 0, drainTimeoutMs: 1000 },
    });
  }

  private createAdminService(): ServiceImplementation {
    return gatewayAdminService({
      table: this.table,
      documents: this.documents.table,
      documentsPath: this.documents.store === undefined ? this.options.documents : undefined,
      store: this.documents.store,
      isSetAside: (key) => this.setAside.until(key) > nowMs(),
      apply: (set, compiled) => this.documents.apply(set, compiled),
      refusalOf: (grpcService) => this.dispatcher.refusalOf(grpcService),
      isLocal: (grpcService) => this.local.serves(grpcService),
      httpRouting: this.httpRouting,
      parts: this.parts,
      jsonIsOn: this.options.jsonTranscoding,
      timeoutMaxMs: this.timeoutMaxMs,
      wallMs: Date.now,
    });
  }

  private onDocuments(used: boolean, backendsDiffer: boolean): void {
    this.metrics.onDocumentSet(used);
    if (!used) return;
    this.table.trackServices(this.documents.table.services(), Date.now());
    if (backendsDiffer) this.table.reconfigure(Date.now());
    this.pool.retain((key) => this.table.hasEndpoint(key));
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
    for (const conflict of change.newConflicts)
      this.logger.warn('two services claim one gRPC service', { ...conflict });
    this.catalog.update(this.view);
    this.health.changed();
  }

  private readonly onConnectFailure = (service: string, address: string, detail: string): void => {
    this.logger.warn('instance set aside: no connection', { service, address, detail });
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
      routes: routes.length,
      routesWithoutInstance: routes.filter(({ endpoints }) => endpoints.size === 0).length,
      routeConflicts: this.table.conflicts().length,
      documents: this.documents.table.current?.sources.length ?? 0,
      documentProblems: this.documents.table.problems.length,
      registryAgeSeconds: Math.min(this.view.ageMs() / 1000, Number.MAX_SAFE_INTEGER),
    };
  }
}
