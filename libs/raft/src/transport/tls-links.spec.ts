import { TestAuthority } from '@raftway/tls/testing';
import { TlsSource } from '@raftway/tls';
import { GrpcCluster } from '../../test/support/grpc-cluster';
import { command, eventually } from '../../test/support/key-value';
import { freePorts } from '../../test/support/ports';
import { resolveGrpcTransportOptions } from './grpc-transport-options';
import { Admission } from './admission';
import { PeerStream, type StreamEnd } from './peer-stream';

let authority: TestAuthority;
let cluster: GrpcCluster;
const sources: TlsSource[] = [];
const refused: { peer: string; reason: string }[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterEach(async () => {
  await cluster.stop();
  for (const source of sources.splice(0)) source.close();
  refused.splice(0);
});
afterAll(() => authority.remove());

/** @param names of the certificate. @param issuer default the group's authority */
async function openSource(names: string[], issuer = authority, nowMs = Date.now) {
  const files = await issuer.issue({ names, lifetimeMs: 600_000 });
  const source = await TlsSource.open(
    { ...files, ca: (await authority.issue()).ca },
    {
      checkIntervalMs: 3_600_000,
      nowMs,
      observer: { onRefused: (peer, reason) => void refused.push({ peer, reason }) },
    },
  );
  sources.push(source);
  return { source, files };
}

const member = ['registry', '127.0.0.1'];

/** How a server's attempt to open a stream to replica 1 ends; 'open' when it is let in. */
async function attempt(tls: TlsSource | undefined, hello: { id: number }): Promise<string> {
  const [port] = await freePorts(1);
  const options = resolveGrpcTransportOptions({
    clusterId: 'grpc',
    id: hello.id,
    incarnationId: 'a stranger',
    peerIncarnations: new Map(),
    rememberPeer: () => Promise.resolve(),
    members: [{ id: hello.id, address: `127.0.0.1:${port}` }],
    bindAddress: `127.0.0.1:${port}`,
    tls,
  });
  const admission = new Admission({ ...options, isMember: () => true });
  return new Promise((resolve) => {
    const stream = new PeerStream(options, admission, 1, cluster.address(1), 'control', {
      onOpen: () => {
        stream.close();
        resolve('open');
      },
      onEnd: (end: StreamEnd) => resolve(end.reason),
    });
  });
}

describe('a group over mutual TLS', () => {
  it('elects, replicates and survives the loss of its leader', async () => {
    const { source } = await openSource(member);
    cluster = await GrpcCluster.start(3, { tls: source });
    const first = await cluster.leader();
    const follower = cluster.node((first.id % 3) + 1);
    expect((await follower.propose(command('add a 1'))).result).toBe('1');

    await cluster.stopNode(first.id);
    const second = await cluster.leader();
    await second.propose(command('add a 1'));
    await cluster.startNode(first.id);

    const machine = cluster.machines.get(first.id);
    await eventually('it has caught up', () => machine?.values.get('a') === '2');
    expect(refused).toEqual([]);
  });

  it('sends snapshots', async () => {
    const { source } = await openSource(member);
    const often = { snapshotEntries: 50, snapshotTrailingEntries: 10 };
    cluster = await GrpcCluster.start(3, { ...often, tls: source });
    const leader = await cluster.leader();
    const behind = (leader.id % 3) + 1;
    await cluster.stopNode(behind);
    const text = 'x'.repeat(10_000);
    for (let at = 0; at < 120; at++) await leader.propose(command(`set k${at} ${text}`));

    await cluster.startNode(behind);

    const machine = cluster.machines.get(behind);
    await eventually('it has caught up', () => machine?.values.size === 120);
    expect(cluster.node(behind).status().snapshotIndex).toBeGreaterThan(50);
  });

  it('goes on with a renewed certificate, without a new election', async () => {
    const { source, files } = await openSource(member);
    cluster = await GrpcCluster.start(3, { tls: source });
    const leader = await cluster.leader();
    const { term } = leader.status();

    await authority.renew(files, { names: [...member, 'renewed'] });
    await source.check();
    for (let at = 0; at < 20; at++) await leader.propose(command('add a 1'));
    const again = (leader.id % 3) + 1;
    await cluster.stopNode(again);
    await cluster.startNode(again);

    const machine = cluster.machines.get(again);
    await eventually('it is back', () => machine?.values.get('a') === '20');
    expect(source.current.names).toContain('DNS:renewed');
    expect(leader.status().term).toBe(term);
  });
});

describe('a group over mutual TLS refuses', () => {
  beforeEach(async () => {
    const { source } = await openSource(member);
    cluster = await GrpcCluster.start(1, { tls: source });
    await cluster.leader();
  });

  it('nobody of its own', async () => {
    const { source } = await openSource(member);

    expect(await attempt(source, { id: 9 })).toBe('open');
  });

  it('a stranger without TLS', async () => {
    expect(await attempt(undefined, { id: 9 })).not.toBe('open');

    await eventually('it is reported', () => refused.length > 0);
    expect(refused[0]?.reason).toMatch(/^it does not speak TLS/);
  });

  it('a stranger without a certificate', async () => {
    const { ca } = await authority.issue();
    const source = await TlsSource.open({ ca });
    sources.push(source);

    expect(await attempt(source, { id: 9 })).toMatch(/^the server wants a client certificate/);
    await eventually('it is reported', () => refused.length > 0);
    expect(refused[0]?.reason).toMatch(/^it has no client certificate/);
  });

  it('a stranger with a certificate of another CA', async () => {
    const other = await TestAuthority.create('Another');
    const { source } = await openSource(member, other);

    expect(await attempt(source, { id: 9 })).not.toBe('open');

    await eventually('it is reported', () => refused.length > 0);
    expect(refused[0]?.reason).toMatch(/^its certificate is not signed by the CA/);
    await other.remove();
  });

  it('another service of the same CA', async () => {
    const { source } = await openSource(['greeter']);

    expect(await attempt(source, { id: 9 })).toMatch(
      /^server 9 is not let in: its certificate is for DNS:greeter, this server's for/,
    );
  });

  it('the same one again and again, and logs it once', async () => {
    const { source } = await openSource(['greeter']);

    for (let round = 0; round < 3; round += 1) await attempt(source, { id: 9 });

    const lines = cluster.logs.filter(({ message }) => message === 'refused a peer');
    expect(lines).toHaveLength(1);
  });

  it('a replica that is not where its certificate says', async () => {
    const { source } = await openSource(['registry']);

    expect(await attempt(source, { id: 9 })).toMatch(/and not for 127\.0\.0\.1, where it listens$/);
  });
});

describe('a replica that dials', () => {
  it('talks to no server with another name, and says so', async () => {
    const nameless = (await openSource(['registry'])).source;
    cluster = await GrpcCluster.start(1, { tls: nameless });
    const { source } = await openSource(member);

    expect(await attempt(source, { id: 9 })).toMatch(/IP: 127\.0\.0\.1 is not in the cert's list/);
  });

  it('talks to no plaintext server', async () => {
    cluster = await GrpcCluster.start(1);
    const { source } = await openSource(member);

    expect(await attempt(source, { id: 9 })).toMatch(/^the server does not speak TLS there/);
  });

  it('logs why two replicas do not trust each other', async () => {
    const nameless = (await openSource(['registry'])).source;
    cluster = await GrpcCluster.start(2, { tls: nameless });

    await eventually('it is logged', () =>
      cluster.logs.some(
        ({ level, fields }) =>
          level === 'error' && JSON.stringify(fields).includes("is not in the cert's list"),
      ),
    );
  });
});
