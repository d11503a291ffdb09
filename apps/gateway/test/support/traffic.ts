import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type UntypedServiceImplementation } from '@grpc/grpc-js';
import { seededRandom } from '@raftway/testkit';
import { type GatewayOptions } from '../../src/options';
import { type EchoBackend } from './echo-backend';
import { instanceOf } from './fake-view';
import { Harness } from './harness';

/** Instances of registered services: each is a service of its own name, or `service/instance`. */
export type Instances = Readonly<Record<string, UntypedServiceImplementation>>;

/** A gateway whose documents are one text, with services that only documents lead to, and the same random numbers in every run. */
export class TrafficGateway {
  private constructor(
    readonly harness: Harness,
    readonly backends: ReadonlyMap<string, EchoBackend>,
    private readonly directory: string,
  ) {}

  static async start(
    documents: string,
    instances: Instances = { v1: {}, v2: {} },
    options: Partial<GatewayOptions> = {},
  ): Promise<TrafficGateway> {
    const directory = mkdtempSync(join(tmpdir(), 'raftway-traffic-'));
    writeFileSync(join(directory, 'a.yaml'), documents);
    const random = seededRandom(7);
    const harness = await Harness.start(
      { documents: directory, ...options },
      ...[undefined, undefined],
      () => random.next(),
    );
    const backends = new Map<string, EchoBackend>();
    for (const [name, overrides] of Object.entries(instances))
      backends.set(name, await harness.backend(name, overrides));
    const gateway = new TrafficGateway(harness, backends, directory);
    gateway.register(...backends.keys());
    return gateway;
  }

  /** Replaces the documents, and waits until they hold. */
  async change(documents: string): Promise<void> {
    const used = 'document_sets_total{result="used"}';
    const before = await this.count(used);
    const path = join(this.directory, 'a.yaml');
    writeFileSync(`${path}.new`, documents);
    renameSync(`${path}.new`, path);
    await this.counted(used, before + 1);
  }

  /** These are there, and no others. */
  register(...names: string[]): void {
    this.registerAnd({}, ...names);
  }

  /** @param more addresses of further services by their names */
  registerAnd(more: Readonly<Record<string, string>>, ...names: string[]): void {
    const addresses = names.map((name) => [name, this.backend(name).address] as const);
    this.harness.view.set(
      ...[...addresses, ...Object.entries(more)].map(([name, address]) => {
        const [service = ''] = name.split('/');
        return instanceOf(address, { service, instanceId: name, grpcServices: [] });
      }),
    );
  }

  backend(name: string): EchoBackend {
    const found = this.backends.get(name);
    if (found === undefined) throw new Error(`no backend ${name}`);
    return found;
  }

  /** The number that a metric has, with labels as Prometheus writes them; 0 when there is none. */
  async count(series: string): Promise<number> {
    const text = await this.harness.metrics.text();
    const line = text.split('\n').find((one) => one.startsWith(`raftway_gateway_${series} `));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  /** Waits until a metric has that number. */
  async counted(series: string, wanted: number): Promise<void> {
    const endMs = performance.now() + 10_000;
    for (;;) {
      const count = await this.count(series);
      if (count === wanted) return;
      if (performance.now() > endMs) throw new Error(`${series} is ${count} and not ${wanted}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  async close(): Promise<void> {
    await this.harness.close();
    rmSync(this.directory, { recursive: true });
  }
}

/** A route with one rule for every call; filters and the like are written as in YAML. */
export function ruleOf(rule: string, name = 'main'): string {
  return `---
apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name} }
spec: { rules: [{ name: ${name}, ${rule} }] }
`;
}

/** Faults of the calls of {@link ruleOf}. */
export function faultOf(fault: string): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: TrafficPolicy
metadata: { name: chaos }
spec: { targetRefs: [{ kind: GRPCRoute, name: main }], fault: { ${fault} } }
`;
}
