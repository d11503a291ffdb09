/* eslint-disable no-console -- a command line program */
import { type ChildProcess } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { config, duration, registry } from '@raftway/contracts';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { freePorts } from '@raftway/service-kit/testing';
import { EchoBackend, EchoClient } from '../support/echo-backend';
import { instanceOf } from '../support/fake-view';
import { spawnApp, until } from './built-app';

const USAGE = `A gateway process with thousands of routes, a hundred a file, one of which is changed again and again.

  npm run verify:routes -- [--source files] [--routes 5000] [--changes 1000] [--p99-ms 30] [--memory-mb 100]

  --source <what>  files, or registry: entries of the registry's store

  --routes <n>     routes, a hundred a file
  --changes <n>    changes that are timed, and as many that are made under load
  --p99-ms <n>     the time from the renaming of a file, or the writing of an entry, to the first call by the new route that fails the run
  --memory-mb <n>  growth of the process with all routes that fails the run`;

const routesPerFile = 100;
const settleMs = 3000;
/** Open calls of the load. */
const loads = 4;

interface Limits {
  readonly source: 'files' | 'registry';
  readonly routes: number;
  readonly changes: number;
  readonly p99Ms: number;
  readonly memoryMb: number;
}

/** The processes of one run, and what is written for them. */
class Stage {
  readonly directory = mkdtempSync(join(tmpdir(), 'raftway-routes-'));
  readonly documents = join(this.directory, 'documents');
  readonly backends = [new EchoBackend('v1'), new EchoBackend('v2')];
  private readonly children: ChildProcess[] = [];
  private readonly clients = new Set<EchoClient>();
  private readonly targets = new Map<number, string>();
  address = '';
  private gatewayPid = 0;
  private store: ServiceClient<typeof config.ConfigServiceService> | undefined;

  async start(source: Limits['source']): Promise<void> {
    mkdirSync(this.documents);
    const [registryPort, peerPort, gatewayPort] = await freePorts(3);
    const registryAddress = `127.0.0.1:${registryPort}`;
    this.address = `127.0.0.1:${gatewayPort}`;
    this.spawn('registry', {
      RAFTWAY_BIND: registryAddress,
      RAFTWAY_PEER_BIND: `127.0.0.1:${peerPort}`,
      RAFTWAY_DATA_DIR: join(this.directory, 'registry'),
      RAFTWAY_HTTP_BIND: '127.0.0.1:0',
    });
    if (source === 'registry')
      this.store = createClient(config.ConfigServiceService, registryAddress);
    const client = createClient(registry.RegistryServiceService, registryAddress);
    for (const backend of this.backends) {
      await backend.start();
      const instance = instanceOf(backend.address, {
        service: backend.name,
        instanceId: backend.name,
        grpcServices: [],
      });
      const ttl = duration.Duration.fromPartial({ seconds: 3600n });
      await until('the registry takes registrations', async () => {
        await client.register({ instance, ttl }, { timeoutMs: 5000 });
        return true;
      });
    }
    client.close();
    await this.write(0, new Map([[0, 'v1']]));
    const gateway = this.spawn('gateway', {
      RAFTWAY_BIND: this.address,
      RAFTWAY_ADMIN_BIND: '127.0.0.1:0',
      RAFTWAY_HTTP_BIND: '127.0.0.1:0',
      RAFTWAY_REGISTRY: registryAddress,
      RAFTWAY_DOCUMENTS: source === 'registry' ? 'registry:///edge' : this.documents,
      RAFTWAY_LOG_LEVEL: 'warn',
    });
    this.gatewayPid = gateway.pid ?? 0;
    const first = this.client(0);
    await until('the gateway routes', async () => (await first.unary('x')).code === 0);
  }

  /** A client of one route's host name. */
  client(route: number): EchoClient {
    const client = new EchoClient(this.address, {
      'grpc.default_authority': hostOf(route),
      'grpc.primary_user_agent': `route-${route}`,
    });
    this.clients.add(client);
    return client;
  }

  close(client: EchoClient): void {
    client.close();
    this.clients.delete(client);
  }

  /** Gives a file of routes, and changes some of them. */
  async write(file: number, changes: ReadonlyMap<number, string>): Promise<void> {
    for (const [route, target] of changes) this.targets.set(route, target);
    const texts: string[] = [];
    for (let route = file * routesPerFile; route < (file + 1) * routesPerFile; route += 1) {
      const target = this.targets.get(route);
      if (target !== undefined) texts.push(routeText(route, target));
    }
    const name = `routes-${file}.yaml`;
    const text = texts.join('---\n');
    if (this.store !== undefined) {
      await this.store.put({ key: `edge/${name}`, value: text }, { timeoutMs: 5000 });
      return;
    }
    const path = join(this.documents, name);
    writeFileSync(`${path}.new`, text);
    renameSync(`${path}.new`, path);
  }

  /** Resident memory of the gateway's process, in MB. */
  memoryMb(): number {
    const status = readFileSync(`/proc/${this.gatewayPid}/status`, 'utf8');
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024;
  }

  async stop(): Promise<void> {
    for (const client of this.clients) client.close();
    for (const backend of this.backends) backend.stop();
    this.store?.close();
    for (const child of this.children) {
      if (child.exitCode !== null) continue;
      const ended = new Promise((done) => child.once('close', done));
      child.kill('SIGKILL');
      await ended;
    }
    rmSync(this.directory, { recursive: true });
  }

  private spawn(app: string, environment: Readonly<Record<string, string>>): ChildProcess {
    const child = spawnApp(app, environment);
    this.children.push(child);
    return child;
  }
}

async function run(
  stage: Stage,
  { source, routes, changes, p99Ms, memoryMb }: Limits,
): Promise<boolean> {
  await stage.start(source);
  const before = await settledMemory(stage);
  for (let file = 0; file * routesPerFile < routes; file += 1) {
    const numbers = Array.from({ length: routesPerFile }, (_, at) => file * routesPerFile + at);
    await stage.write(file, new Map(numbers.map((route) => [route, 'v1'])));
  }
  const last = stage.client(routes - 1);
  await until('all routes are there', async () => (await last.unary('x')).code === 0);
  const grown = (await settledMemory(stage)) - before;
  console.log(
    `${routes} routes: ${grown.toFixed(1)} MB more than with one (${before.toFixed(1)} MB)`,
  );

  const timed = await timeChanges(stage, routes, changes);
  timed.sort((a, b) => a - b);
  const at = (share: number): number => timed[Math.ceil(timed.length * share) - 1] ?? 0;
  const spread = [0.5, 0.99, 1].map((share) => at(share).toFixed(1)).join(', ');
  console.log(`${timed.length} changes seen by a call: p50, p99, most ${spread} ms`);

  const codes = await changeUnderLoad(stage, routes, changes);
  const calls = Object.entries(codes).map(([code, count]) => `${count} with code ${code}`);
  console.log(`${changes} changes under load: calls ${calls.join(', ')}`);
  const grownAfter = stage.memoryMb() - before;
  console.log(`after all changes: ${grownAfter.toFixed(1)} MB more`);
  const isGood = Object.keys(codes).join() === '0' && at(0.99) <= p99Ms && grown <= memoryMb;
  console.log(isGood ? 'PASSED' : 'FAILED');
  return isGood;
}

/** Times from a file's renaming to the answer of the first call that takes the new route, in milliseconds. */
async function timeChanges(stage: Stage, routes: number, count: number): Promise<number[]> {
  const timed: number[] = [];
  for (let change = 0; change < count; change += 1) {
    const route = (change * 97) % routes;
    const target = change % 2 === 0 ? 'v2' : 'v1';
    const client = stage.client(route);
    if (servedBy(await client.unary('x')) === target)
      await stage.write(fileOf(route), new Map([[route, target === 'v1' ? 'v2' : 'v1']]));
    await until('the old route holds', async () => servedBy(await client.unary('x')) !== target);
    const startedAt = performance.now();
    await stage.write(fileOf(route), new Map([[route, target]]));
    while (servedBy(await client.unary('x')) !== target) continue;
    timed.push(performance.now() - startedAt);
    stage.close(client);
  }
  return timed;
}

/** How many calls ended with which code, while routes were changed. */
async function changeUnderLoad(
  stage: Stage,
  routes: number,
  count: number,
): Promise<Record<string, number>> {
  const codes: Record<string, number> = {};
  let changing = true;
  const load = async (number: number): Promise<void> => {
    const client = stage.client(number);
    while (changing) {
      const { code } = await client.unary('x');
      codes[code] = (codes[code] ?? 0) + 1;
    }
  };
  const running = Array.from({ length: loads }, (_, number) => load(number));
  const witness = stage.client(0);
  for (let change = 0; change < count; change += 1) {
    // The routes that are called change too.
    const route = change % 2 === 0 ? 0 : (change * 97) % routes;
    const target = change % 4 < 2 ? 'v2' : 'v1';
    await stage.write(fileOf(route), new Map([[route, target]]));
    if (route === 0)
      await until('a change is seen', async () => servedBy(await witness.unary('x')) === target);
  }
  changing = false;
  await Promise.all(running);
  return codes;
}

/** The least of what is measured while nothing happens: what a collection has left. */
async function settledMemory(stage: Stage): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  const endMs = performance.now() + settleMs;
  while (performance.now() < endMs) {
    least = Math.min(least, stage.memoryMb());
    await new Promise((done) => setTimeout(done, 100));
  }
  return least;
}

function routeText(route: number, target: string): string {
  return `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: route-${route} }
spec:
  hostnames: [${hostOf(route)}]
  rules:
    - matches: [{ method: { service: test.Echo } }]
      backendRefs: [{ name: ${target}, weight: 1 }]
`;
}

function hostOf(route: number): string {
  return `host-${route}.example.com`;
}

function fileOf(route: number): number {
  return Math.floor(route / routesPerFile);
}

function servedBy({ trailers }: Awaited<ReturnType<EchoClient['unary']>>): string {
  return String(trailers.get('served-by')[0]);
}

function limitsOf(): Limits | undefined {
  const text = { type: 'string' } as const;
  try {
    const { values } = parseArgs({
      options: { source: text, routes: text, changes: text, 'p99-ms': text, 'memory-mb': text },
    });
    const number = (name: keyof typeof values, preset: number): number => {
      const value = Number(values[name] ?? preset);
      if (!Number.isSafeInteger(value) || value < 1)
        throw new RangeError(`--${name} is no positive whole number`);
      return value;
    };
    const { source = 'files' } = values;
    if (source !== 'files' && source !== 'registry')
      throw new RangeError('--source is neither files nor registry');
    return {
      source,
      routes: number('routes', 5000),
      changes: number('changes', 1000),
      p99Ms: number('p99-ms', 30),
      memoryMb: number('memory-mb', 100),
    };
  } catch (error) {
    console.error(error instanceof Error ? error.message : error);
    return undefined;
  }
}

async function main(): Promise<void> {
  const limits = limitsOf();
  if (limits === undefined) {
    console.error(USAGE);
    process.exitCode = 64;
    return;
  }
  const stage = new Stage();
  try {
    process.exitCode = (await run(stage, limits)) ? 0 : 1;
  } finally {
    await stage.stop();
  }
}

void main();
