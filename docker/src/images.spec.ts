import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readAppList } from '@raftway/config';
import { duration, helloworld, lock } from '@raftway/contracts';
import { createClient, NODE_FLAGS } from '@raftway/service-kit';
import { Container } from './harness/container';
import { eventually } from './harness/eventually';
import { dashboardMetrics } from './harness/dashboard';
import { Images, versionOfWorkspace, WORKSPACE } from './harness/images';

const apps = [...readAppList(WORKSPACE).keys()];

const BUILD_TIMEOUT_MS = 15 * 60_000;
const READY_TIMEOUT_MS = 60_000;
/** How long a call waits that is in progress while the gateway is stopped; shorter than the drain. */
const WAIT_MS = 5000;
/** Every container has a loopback address of its own, and so the ports that it has in production. Two runs at once get different ones. */
const NETWORK = `127.${100 + (process.pid % 100)}.0`;
const ADDRESS = {
  gateway: `${NETWORK}.10:8080`,
  greeter: `${NETWORK}.20:50051`,
  registry: `${NETWORK}.30:50061`,
  idService: `${NETWORK}.80:50081`,
};
const LOCK_REPLICAS = [1, 2, 3];
const lockHost = (id: number): string => `${NETWORK}.${70 + id}`;
const lockPeers = LOCK_REPLICAS.map((id) => `${id}=${lockHost(id)}:51071`).join(',');

describe('the images', () => {
  let images: Images;
  let scratch: string;
  let collector: Server;
  const spans: string[] = [];
  const containers = new Map<string, Container>();

  const bind = (address: string) => {
    const [host] = address.split(':');
    return { RAFTWAY_BIND: address, RAFTWAY_HTTP_BIND: `${host}:9464` };
  };
  const start = (name: string, app: string, environment: Record<string, string>): void => {
    const dataDir = 'RAFTWAY_PEER_BIND' in environment ? join(scratch, name) : undefined;
    containers.set(
      name,
      Container.start(images.image(app), { environment, ...(dataDir && { dataDir }) }),
    );
  };
  const startLockReplica = (id: number): void =>
    start(`lock-service-${id}`, 'lock-service', {
      ...bind(`${lockHost(id)}:50071`),
      RAFTWAY_PEER_BIND: `${lockHost(id)}:51071`,
      RAFTWAY_NODE_ID: String(id),
      RAFTWAY_PEERS: lockPeers,
      RAFTWAY_REGISTRY: ADDRESS.registry,
    });
  const container = (name: string): Container => {
    const found = containers.get(name);
    if (found === undefined) throw new Error(`there is no container ${name}`);
    return found;
  };
  const healthy = async (...names: string[]): Promise<void> => {
    await Promise.all(
      names.map((name) =>
        eventually(`${name} is healthy`, READY_TIMEOUT_MS, () => container(name).isHealthy()).catch(
          (error: unknown) => {
            throw new Error(`${String(error)}\n${container(name).log()}`, { cause: error });
          },
        ),
      ),
    );
  };

  beforeAll(async () => {
    images = await Images.build();
    scratch = mkdtempSync(join(tmpdir(), 'raftway-containers-'));
    collector = createServer((request, response) => {
      let body = '';
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        spans.push(body);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      });
    });
    await new Promise<void>((done) => collector.listen(0, '127.0.0.1', done));
    const { port } = collector.address() as AddressInfo;

    start('registry-1', 'registry', {
      ...bind(ADDRESS.registry),
      RAFTWAY_PEER_BIND: `${NETWORK}.30:51061`,
    });
    for (const id of LOCK_REPLICAS) startLockReplica(id);
    start('id-service-1', 'id-service', {
      ...bind(ADDRESS.idService),
      RAFTWAY_PEER_BIND: `${NETWORK}.80:51081`,
      RAFTWAY_REGISTRY: ADDRESS.registry,
    });
    start('gateway', 'gateway', {
      ...bind(ADDRESS.gateway),
      RAFTWAY_ADMIN_BIND: `${NETWORK}.10:8081`,
      RAFTWAY_REGISTRY: ADDRESS.registry,
    });
    start('greeter-1', 'greeter', {
      ...bind(ADDRESS.greeter),
      RAFTWAY_REGISTRY: ADDRESS.registry,
      RAFTWAY_GATEWAY: ADDRESS.gateway,
      OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
      OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}`,
    });
    await healthy(...containers.keys());
  }, BUILD_TIMEOUT_MS);

  afterAll(async () => {
    collector?.close();
    await Promise.all([...containers.values()].map((each) => each.kill()));
    images?.remove();
    if (scratch !== undefined) rmSync(scratch, { recursive: true, force: true });
  });

  it.each(apps)('%s: has at most 250 MB, as the build reports', (app) => {
    const line = new RegExp(`^raftway/${app}:${versionOfWorkspace()} ([0-9.]+) MB$`, 'm');
    const megabytes = Number(line.exec(images.report)?.[1]);
    expect(megabytes).toBeGreaterThan(100);
    expect(megabytes).toBeLessThanOrEqual(250);
  });

  it.each(apps)('%s: starts node itself, without root, and checks its health', (app) => {
    expect(images.image(app).config).toMatchObject({
      User: '65532:65532',
      WorkingDir: '/app',
      Entrypoint: ['node', ...NODE_FLAGS, 'main.js'],
      StopSignal: 'SIGTERM',
      Healthcheck: { Test: ['CMD', 'node', 'health.js'] },
      Labels: { 'org.opencontainers.image.title': `raftway/${app}` },
    });
  });

  it.each(apps)('%s: has its bundle and nothing else, which it cannot change', (app) => {
    const folder = join(images.image(app).root, 'app');
    const files = readdirSync(folder).sort();
    expect(files).toEqual([
      ...['LICENSE', 'THIRD-PARTY-LICENSES'],
      ...['health.js', 'main.js', 'raftway.yaml', 'telemetry.js'],
    ]);
    for (const file of files) {
      const { uid, mode } = statSync(join(folder, file));
      expect({ file, uid, writable: (mode & 0o022) !== 0 }).toEqual({
        file,
        uid: 0,
        writable: false,
      });
    }
  });

  it('gives a new volume to its user alone', () => {
    const { uid, gid, mode } = statSync(join(images.image('registry').root, 'var/lib/raftway'));
    expect({ uid, gid, mode: mode & 0o777 }).toEqual({ uid: 65532, gid: 65532, mode: 0o700 });
  });

  it('becomes healthy without any configuration', async () => {
    const alone = Container.start(images.image('registry'), {
      ownNetwork: true,
      dataDir: join(scratch, 'alone'),
    });
    containers.set('alone', alone);
    await healthy('alone');
    expect(await alone.stop()).toBe(0);
    // Its last lines are there once it has ended.
    expect(alone.log()).toContain('"address":"0.0.0.0:50061"');
  });

  it('runs as process 1 of user 65532, on files that nobody can write', () => {
    const probe = `
      const { readFileSync, writeFileSync } = require('node:fs');
      const codes = ['/app/x', '/tmp/x', '/x'].map((file) => { try { writeFileSync(file, ''); return 'written'; } catch (error) { return error.code; } });
      const command = readFileSync('/proc/1/cmdline', 'utf8').split('\\0').join(' ').trim();
      const status = readFileSync('/proc/1/status', 'utf8');
      console.log(JSON.stringify({ codes, command, uid: /^Uid:\\s+(\\d+)/m.exec(status)[1], capabilities: /^CapEff:\\s+(\\w+)/m.exec(status)[1] }));`;
    const { output } = container('lock-service-1').exec('node', '-e', probe);
    expect(JSON.parse(output)).toEqual({
      codes: ['EROFS', 'EROFS', 'EROFS'],
      command: ['node', ...NODE_FLAGS, 'main.js'].join(' '),
      uid: '65532',
      capabilities: '0000000000000000',
    });
  });

  it('answers through the gateway, all five together', async () => {
    const greeter = createClient(helloworld.GreeterService, ADDRESS.gateway);
    // The greeter takes a lock and asks for an id, through the gateway as well.
    const reply = await greeter.sayHelloNumbered({ name: 'Ada' });
    greeter.close();
    expect(reply.message).toBe('Hello, Ada!');
    expect(reply.greetingId).toMatch(/^\d+$/);
    expect(reply.fencingToken).toBeGreaterThan(0n);
  });

  it('sends its spans where OTEL_EXPORTER_OTLP_ENDPOINT says', async () => {
    const greeter = createClient(helloworld.GreeterService, ADDRESS.greeter);
    await greeter.sayHello({ name: 'Ada' });
    greeter.close();
    await eventually('a span has arrived', 20_000, () =>
      spans.some((body) => body.includes('helloworld.Greeter/SayHello')),
    );
    expect(spans.join()).toContain('"stringValue":"greeter"');
  });

  it('has the metrics that the dashboards show', async () => {
    const hosts = [ADDRESS.gateway, ADDRESS.registry, ADDRESS.idService, `${lockHost(1)}:50071`];
    const texts = await Promise.all(
      hosts.map(async (address) =>
        (await fetch(`http://${address.split(':')[0]}:9464/metrics`)).text(),
      ),
    );
    const offered = new Set(
      texts
        .join('\n')
        .match(/^# TYPE \w+/gm)
        ?.map((line) => line.slice(7)),
    );
    const missing = dashboardMetrics().filter((name) => !offered.has(name));
    expect(missing).toEqual([]);
  });

  it('keeps locks over a container that is killed and started again on its volume', async () => {
    const locks = createClient(lock.LockServiceService, ADDRESS.gateway);
    const ttl = duration.Duration.fromPartial({ seconds: 600n });
    const first = await locks.acquire({ name: 'printer', ttl, requestId: 'first' });
    await container('lock-service-2').kill();
    startLockReplica(2);
    await healthy('lock-service-2');
    // The two others might outvote it; a read of the restarted replica itself cannot be answered from elsewhere.
    const restarted = createClient(lock.LockServiceService, `${lockHost(2)}:50071`);
    const { lock: found } = await restarted.getLock({ name: 'printer' });
    restarted.close();
    locks.close();
    expect(first.acquired).toBe(true);
    expect(found?.holders.map(({ sessionId }) => sessionId)).toEqual([first.sessionId]);
  });

  it('drains on SIGTERM: the call in progress ends as it would have, and the exit code is 0', async () => {
    const locks = createClient(lock.LockServiceService, ADDRESS.gateway, { attemptsMax: 1 });
    const waiting = locks.acquire({
      name: 'printer',
      ttl: duration.Duration.fromPartial({ seconds: 10n }),
      waitTimeout: duration.Duration.fromPartial({ seconds: BigInt(WAIT_MS / 1000) }),
    });
    const watcher = createClient(lock.LockServiceService, `${lockHost(1)}:50071`);
    await eventually('the call waits in the queue', WAIT_MS, async () => {
      const { lock: found } = await watcher.getLock({ name: 'printer' });
      return found?.waiters.length === 1;
    });
    watcher.close();
    const stopped = container('gateway').stop();
    const outcome = await waiting.then(
      ({ acquired }) => ({ acquired }),
      (error: unknown) => ({ error: String(error) }),
    );
    locks.close();
    expect(outcome).toEqual({ acquired: false });
    expect(await stopped).toBe(0);
    expect(container('gateway').log()).toContain('"msg":"stopping"');
  });

  it.each([
    'greeter-1',
    'lock-service-1',
    'lock-service-2',
    'lock-service-3',
    'id-service-1',
    'registry-1',
  ])('%s: stops on SIGTERM with exit code 0', async (name) => {
    expect(await container(name).stop()).toBe(0);
    expect(container(name).log()).toContain('"msg":"stopped"');
  });
});
