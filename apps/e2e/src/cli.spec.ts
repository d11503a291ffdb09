import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LimitedDisk, limitedDisksMissing, releaseDisks } from '@raftway/testkit';
import { answered, eventually } from './harness/eventually';
import { ForeignClient } from './harness/foreign-client';
import { expectGolden, normalized } from './harness/golden';
import { leaderOf } from './harness/groups';
import { type Ran, runProgram } from './harness/run-program';
import { Suite } from './harness/suite';

const PROGRAM = 'tools/cli/dist/main.js';
const TIMEOUT_MS = 60_000;
const PORT_OFFSET = 800;
/** Of one command, those that wait for others included. */
const COMMAND_TIMEOUT_MS = 150_000;

/** Runs the built `raftway` to its end, as a person would. */
function raftway(gateway: string, words: readonly string[]): Promise<Ran> {
  const environment = { RAFTWAY_GATEWAY: gateway };
  return runProgram(PROGRAM, words, COMMAND_TIMEOUT_MS, { environment });
}

/** The line of each check and each finding, without what differs between runs. */
const golden = (name: string, { out }: Ran, suite: Suite): void =>
  expectGolden(`cli-${name}`, normalized(out, suite.dataDir));

/** Asks until what it says is what a suite comes to rest at. */
async function settled(ask: () => Promise<Ran>, isAtRest: (ran: Ran) => boolean): Promise<Ran> {
  let last: Ran = { code: null, out: '', error: '', output: '' };
  await eventually('the suite is at rest', TIMEOUT_MS, async () => {
    last = await ask();
    return isAtRest(last);
  }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${last.output}`);
  });
  return last;
}

describe('raftway beside a running suite', () => {
  let suite: Suite;
  const run = (...words: string[]): Promise<Ran> => raftway(suite.gateway, words);
  const look = (command: string) => (): Promise<Ran> => run(command, '--data-dir', suite.dataDir);

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: PORT_OFFSET });
  });

  afterAll(async () => {
    await suite.dispose();
  });

  it('shows a healthy suite (0), and the doctor finds nothing', async () => {
    const status = await settled(look('status'), ({ code }) => code === 0);
    const doctor = await settled(look('doctor'), ({ code }) => code === 0);

    golden('status-healthy', status, suite);
    golden('doctor-healthy', doctor, suite);
  });

  it('finds everybody through the registry, too', async () => {
    const { out, code } = await run('status', '--registry', suite.gateway, '--json');

    expect(code).toBe(0);
    const { groups } = JSON.parse(out) as { readonly groups: readonly { name: string }[] };
    expect(groups.map(({ name }) => name)).toEqual(['registry', 'lock-service', 'id-service']);
  });

  it('calls any service over the gateway’s reflection', async () => {
    const greeted = await run('call', 'Greeter/SayHello', '{"name": "Ada"}');
    const refused = await run('call', 'LockService/Acquire', '{"ttl": "1s"}');

    expect(greeted.out).toContain('Hello, Ada!');
    expect(refused.code).toBe(1);
    expect(refused.error).toMatch(/^raftway: INVALID_ARGUMENT.*name/);
  });

  it('lists what is registered, and makes ids and takes them apart', async () => {
    const listed = await run('services', 'list', 'greeter');
    const [first = ''] = (await run('ids', 'generate', '2')).out.split('\n');
    const decoded = await run('ids', 'decode', first);

    expect(listed.out).toMatch(/greeter +greeter-1 +127.0.0.1:20851 +serving/);
    expect(decoded.out).toMatch(/created +20\d\d-/);
  });

  it('gives the gateway documents, and says which rule a call takes', async () => {
    const admin = ['--admin', `127.0.0.1:${8081 + PORT_OFFSET}`];
    const file = join(suite.dataDir, 'attic.yaml');
    writeFileSync(
      file,
      `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: attic }
spec: { hostnames: [attic.example.com], rules: [{ backendRefs: [{ name: attic }] }] }
`,
    );
    const call = ['helloworld.Greeter/SayHello', '--authority', 'attic.example.com'];

    const dry = await run('gateway', 'apply', file, '--dry-run', ...admin);
    const applied = await run('gateway', 'apply', file, ...admin);
    const [why, routes, backends, documents] = await Promise.all([
      run('gateway', 'why', ...call, ...admin),
      run('gateway', 'routes', 'helloworld.Greeter', ...admin),
      run('gateway', 'backends', 'greeter', ...admin),
      run('gateway', 'documents', '--json', ...admin),
    ]);

    expect(dry.out).toContain('nothing has been changed');
    expect(applied).toMatchObject({ code: 0, error: '' });
    expect([why.code, why.out]).toEqual([1, expect.stringContaining('BACKEND_UNKNOWN')]);
    expect(routes.out).toMatch(/attic.example.com .*default\/attic[^]*greeter.*registration/);
    expect(backends.out).toContain('greeter-1');
    expect(JSON.parse(documents.out)).toMatchObject([{ document: 'GRPCRoute default/attic' }]);
  });

  it('runs a command under a lock, with a token that grows, and passes its exit code on', async () => {
    const command = ['--', 'sh', '-c', 'echo "$RAFTWAY_LOCK_NAME $RAFTWAY_FENCING_TOKEN"; exit 7'];

    const first = await run('locks', 'run', 'nightly', ...command);
    const second = await run('locks', 'run', 'nightly', ...command);

    expect([first.code, second.code]).toEqual([7, 7]);
    const tokens = [first, second].map(({ out }) => Number(/^nightly (\d+)$/m.exec(out)?.[1]));
    expect(tokens[1]).toBeGreaterThan(tokens[0]!);
    expect((await run('locks', 'list', 'nightly')).out).toBe('No lock is held or waited for.\n');
  });

  it('keeps a lock for longer than its time to live, lets nobody else in (75), and waits in turn', async () => {
    const end = join(suite.dataDir, 'end');
    const command = `until [ -e ${end} ]; do sleep 0.1; done`;
    const held = run('locks', 'run', 'slow', '--ttl', '5s', '--', 'sh', '-c', command);
    await answered('the lock outlives its TTL', TIMEOUT_MS, async () => {
      const { out } = await run('locks', 'list', 'slow', '--json');
      const [lock] = JSON.parse(out) as { holders: { heldFor: string }[] }[];
      expect(parseFloat(lock!.holders[0]!.heldFor)).toBeGreaterThan(6);
    });

    const refused = await run('locks', 'run', 'slow', '--', 'true');
    const waiting = run('locks', 'acquire', 'slow', '--wait', '1m', '--json');
    await eventually('somebody waits', TIMEOUT_MS, async () =>
      (await run('locks', 'get', 'slow')).out.includes('WAITING OWNER'),
    );
    writeFileSync(end, '');

    expect(refused).toMatchObject({ code: 75, out: '' });
    expect(refused.error).toContain('the lock "slow" is not to be had');
    expect((await held).code).toBe(0);
    expect(JSON.parse((await waiting).out)).toMatchObject({ acquired: true });
  });

  it('stops the command when the lock is taken away (79)', async () => {
    const held = run('locks', 'run', 'stolen', '--ttl', '6s', '--', 'sleep', '60');
    await eventually('the lock is held', TIMEOUT_MS, async () =>
      (await run('locks', 'list', 'stolen')).out.includes('stolen'),
    );

    const taken = await run('locks', 'force-release', 'stolen', '--reason', 'a test');

    expect(taken.code).toBe(0);
    const { code, error } = await held;
    expect(code).toBe(79);
    expect(error).toContain('the lock "stolen" was lost, it was taken away');
  });

  // Last: it leaves the lock service without a majority.
  it('shows a group without a leader (1), and the doctor names what does not run', async () => {
    const leader = await leaderOf(suite, 'lock-service');
    const others = suite.instances('lock-service').filter(({ name }) => name !== leader.name);
    // The one that is left is always the same: the text has its name.
    const left = 'lock-service-2';
    const killed = [leader, ...others].map(({ name }) => name).filter((name) => name !== left);
    for (const name of killed) await suite.kill(name);

    const isLeaderless = ({ out }: Ran): boolean =>
      /lock-service +leaderless/.test(out) && /lock-service-2 .* not serving/.test(out);
    const status = await settled(look('status'), isLeaderless);
    const doctor = await look('doctor')();

    expect([status.code, doctor.code]).toEqual([1, 1]);
    golden('status-leaderless', status, suite);
    golden('doctor-leaderless', doctor, suite);
  });
});

describe('raftway beside a suite whose disk is full', () => {
  let folder: string;
  let disk: LimitedDisk | undefined;
  let suite: Suite | undefined;
  const clients: ForeignClient[] = [];

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'raftway-full-'));
  });

  afterAll(async () => {
    for (const client of clients) client.close();
    disk?.free();
    await suite?.stop();
    releaseDisks(folder);
    rmSync(folder, { recursive: true, force: true });
  });

  it('says whose disk is full, and is content again when there is room', async () => {
    const missing = await limitedDisksMissing();
    if (missing !== undefined) {
      process.stderr.write(`skipped, no disk can be filled here: ${missing}\n`);
      return;
    }
    disk = await LimitedDisk.mount(folder);
    const { dataDir } = disk;
    const running = await Suite.start({ portOffset: 900, replicas: 1, dataDir });
    suite = running;
    const look = (command: string) => (): Promise<Ran> =>
      raftway(running.gateway, [command, '--data-dir', dataDir]);
    disk.fill();
    const writers = WRITES.map(([service, name, method, request]) => {
      const client = new ForeignClient(running.instances(service)[0]!.address, name);
      clients.push(client);
      return () => client.call(method, request, 300).catch(() => undefined);
    });

    const status = await settled(
      async () => {
        await Promise.all(writers.map((write) => write()));
        return await look('status')();
      },
      ({ out }) => out.match(/ disk full$/gm)?.length === WRITES.length,
    );
    const doctor = await look('doctor')();

    expect([status.code, doctor.code]).toEqual([1, 1]);
    golden('status-disk-full', status, running);
    golden('doctor-disk-full', doctor, running);
    disk.free();
    await settled(look('status'), ({ code }) => code === 0);
  });
});

/** More than what is left of a page that a log has begun: each needs room on the disk. */
const LARGE = Object.fromEntries(
  Array.from({ length: 16 }, (_, at) => [`k${at}`, 'x'.repeat(256)]),
);
const WRITES = [
  [
    'registry',
    'raftway.registry.v1.RegistryService',
    'Register',
    { instance: { service: 'a', instance_id: 'a', address: 'a:1', metadata: LARGE } },
  ],
  [
    'lock-service',
    'raftway.lock.v1.LockService',
    'Acquire',
    { name: 'a', ttl: { seconds: 1 }, metadata: LARGE },
  ],
  ['id-service', 'raftway.id.v1.IdService', 'NextSequence', { name: 'x'.repeat(256) }],
] as const;
