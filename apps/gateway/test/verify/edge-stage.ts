import { type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@raftway/service-kit/testing';
import { Balancer } from './balancer';
import { spawnApp, until } from './built-app';

const gatewayCount = 2;
const instanceCount = 3;

/** A process that is replaced by another one of its kind. */
interface Running {
  readonly child: ChildProcess;
  readonly address: string;
  readonly http: string;
}

/** A registry, three greeters and two gateways behind a balancer, each a process of the built app, and the document that they route by. */
export class EdgeStage {
  /** Of the balancer. */
  address = '';
  /** How processes ended that were asked to: what did not end well is in here. */
  readonly badEnds: string[] = [];
  private readonly directory = mkdtempSync(join(tmpdir(), 'raftway-edge-'));
  private readonly documents = join(this.directory, 'documents');
  private readonly balancer = new Balancer();
  private readonly children = new Set<ChildProcess>();
  private readonly gateways: Running[] = [];
  private readonly instances: Running[] = [];
  private registry = '';

  async start(): Promise<void> {
    mkdirSync(this.documents);
    this.writeRoute(0);
    const [port, peerPort] = await freePorts(2);
    this.registry = `127.0.0.1:${port}`;
    this.spawn('registry', {
      RAFTWAY_BIND: this.registry,
      RAFTWAY_PEER_BIND: `127.0.0.1:${peerPort}`,
      RAFTWAY_DATA_DIR: join(this.directory, 'registry'),
      RAFTWAY_HTTP_BIND: '127.0.0.1:0',
    });
    for (let at = 0; at < instanceCount; at += 1)
      this.instances.push(await this.startApp('greeter'));
    for (let at = 0; at < gatewayCount; at += 1) this.gateways.push(await this.startApp('gateway'));
    await this.instancesKnown();
    this.direct();
    this.address = await this.balancer.listen();
  }

  /** Changes the route: its answers say which change it was. Each other one has a further rule, and another weight. */
  writeRoute(version: number): void {
    const further = `    - name: further
      matches: [{ method: { service: test.Nothing } }]
      backendRefs: [{ name: greeter }]
`;
    const text = `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: greeter }
spec:
  rules:
    - name: main
      matches: [{ method: { service: helloworld.Greeter } }]
      filters:
        - type: ResponseHeaderModifier
          responseHeaderModifier: { set: [{ name: x-version, value: '${version}' }] }
      backendRefs: [{ name: greeter, weight: ${1 + (version % 3)} }]
${version % 2 === 0 ? '' : further}`;
    const path = join(this.documents, 'route.yaml');
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  /** Ends an instance as an orchestrator does, and starts another one in its place. */
  async restartInstance(number: number): Promise<void> {
    const at = number % instanceCount;
    const before = this.instances[at];
    if (before === undefined) return;
    await this.end(before, 'greeter');
    this.instances[at] = await this.startApp('greeter');
    await this.instancesKnown();
  }

  /** Replaces all gateways, one after the other: a new one takes its place before the old one drains. */
  async rollGateways(): Promise<void> {
    for (let at = 0; at < gatewayCount; at += 1) {
      const before = this.gateways[at];
      if (before === undefined) continue;
      this.gateways[at] = await this.startApp('gateway');
      this.direct();
      await this.end(before, 'gateway');
    }
  }

  async stop(): Promise<void> {
    this.balancer.close();
    for (const child of this.children) {
      const ended = new Promise((done) => child.once('close', done));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true });
  }

  private direct(): void {
    this.balancer.targets = this.gateways.map(({ address }) => address);
  }

  /** Waits until every gateway has all instances. */
  private async instancesKnown(): Promise<void> {
    await until('all instances are known to the gateways', async () => {
      const pages = await Promise.all(
        this.gateways.map(async ({ http }) => (await fetch(`http://${http}/metrics`)).text()),
      );
      const known = new RegExp(`^raftway_gateway_endpoints_live ${instanceCount + 1}$`, 'm');
      return pages.every((page) => known.test(page));
    });
  }

  private async startApp(app: 'gateway' | 'greeter'): Promise<Running> {
    const [port, httpPort] = await freePorts(2);
    const address = `127.0.0.1:${port}`;
    const http = `127.0.0.1:${httpPort}`;
    const own =
      app === 'gateway'
        ? { RAFTWAY_ADMIN_BIND: '127.0.0.1:0', RAFTWAY_DOCUMENTS: this.documents }
        : { RAFTWAY_INSTANCE_ID: `greeter-${port}` };
    const child = this.spawn(app, {
      ...own,
      RAFTWAY_BIND: address,
      RAFTWAY_HTTP_BIND: http,
      RAFTWAY_REGISTRY: this.registry,
      RAFTWAY_DRAIN_DELAY: '250ms',
    });
    await until(`${app} is ready`, async () => (await fetch(`http://${http}/readyz`)).ok);
    return { child, address, http };
  }

  private async end({ child }: Running, app: string): Promise<void> {
    const ended = new Promise<string>((done) => {
      child.once('close', (code, signal) => done(signal ?? `status ${code}`));
    });
    child.kill('SIGTERM');
    const how = await ended;
    if (how !== 'status 0') this.badEnds.push(`${app} ended with ${how}`);
  }

  private spawn(app: string, environment: Readonly<Record<string, string>>): ChildProcess {
    const child = spawnApp(app, { RAFTWAY_LOG_LEVEL: 'error', ...environment });
    this.children.add(child);
    child.once('close', () => this.children.delete(child));
    return child;
  }
}
