import * as fs from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { GrpcCluster } from '../../test/support/grpc-cluster';
import { command, eventually } from '../../test/support/key-value';
import { entriesOf } from '../../test/support/entries';
import { freePorts } from '../../test/support/ports';
import type { Message, SnapshotMetadata } from '../core';
import { IncomingSnapshots } from '../node/incoming-snapshots';
import { MemoryStorage } from '../storage/memory-storage';
import { memorySnapshotReader } from '../storage/memory-snapshots';
import { GrpcTransport } from './grpc-transport';
import type { GrpcTransportOptions } from './grpc-transport-options';
import { SnapshotTransfer } from './snapshot-transfer';

describe('a group over gRPC with files', () => {
  let cluster: GrpcCluster;

  afterEach(async () => {
    await cluster.stop();
  });

  it('replicates, forwards and reads', async () => {
    cluster = await GrpcCluster.start(3);
    const leader = await cluster.leader();
    const follower = cluster.node((leader.id % 3) + 1);

    expect((await leader.propose(command('add a 1'))).result).toBe('1');
    expect((await follower.propose(command('add a 1'))).result).toBe('2');
    await cluster.node((follower.id % 3) + 1).readBarrier();
    const calls = Array.from({ length: 500 }, (_, at) =>
      cluster.node((at % 3) + 1).propose(command('add a 1')),
    );
    await Promise.all(calls);

    expect((await leader.propose(command('add a 1'))).result).toBe('503');
  });

  it('keeps everything over a restart of all replicas', async () => {
    cluster = await GrpcCluster.start(3);
    await cluster.leader();
    for (let at = 0; at < 20; at++) await cluster.node(1).propose(command('add a 1'));
    await Promise.all(cluster.ids.map((id) => cluster.stopNode(id)));

    await Promise.all(cluster.ids.map((id) => cluster.startNode(id)));

    const applied = await cluster.node(2).propose(command('add a 1'));
    expect(applied.result).toBe('21');
  });

  it('goes on without one replica and brings it back', async () => {
    cluster = await GrpcCluster.start(3);
    const leader = await cluster.leader();
    await leader.propose(command('add a 1'));
    await cluster.stopNode(leader.id);

    const next = await cluster.leader();
    await next.propose(command('add a 1'));
    await cluster.startNode(leader.id);

    const machine = cluster.machines.get(leader.id);
    await eventually('it has caught up', () => machine?.values.get('a') === '2');
  });

  it('sends snapshots to a replica that is far behind', async () => {
    cluster = await GrpcCluster.start(3, { snapshotEntries: 50, snapshotTrailingEntries: 10 });
    const leader = await cluster.leader();
    const behind = (leader.id % 3) + 1;
    await cluster.stopNode(behind);
    const text = 'x'.repeat(10_000);
    for (let at = 0; at < 120; at++) await leader.propose(command(`set k${at} ${text}`));
    expect(leader.status().firstIndex).toBeGreaterThan(50);

    await cluster.startNode(behind);

    const machine = cluster.machines.get(behind);
    await eventually('it has caught up', () => machine?.values.size === 120);
    expect(cluster.node(behind).status().snapshotIndex).toBeGreaterThan(50);
  });

  it('refuses a replica whose disk was wiped, and goes on without it', async () => {
    cluster = await GrpcCluster.start(3);
    const leader = await cluster.leader();
    await leader.propose(command('add a 1'));
    const wiped = (leader.id % 3) + 1;
    await cluster.stopNode(wiped);
    fs.rmSync(cluster.dataDir(wiped), { recursive: true });

    await cluster.startNode(wiped);

    await eventually('it is told why', () =>
      cluster.logs.some(
        ({ level, message, fields }) =>
          level === 'error' &&
          message === 'peer refuses this server' &&
          JSON.stringify(fields).includes('its data directory was replaced'),
      ),
    );
    expect((await leader.propose(command('add a 1'))).result).toBe('2');
    expect(cluster.node(wiped).status().lastIndex).toBe(1);
  });

  it('refuses to start on an empty directory when it must have one', async () => {
    cluster = await GrpcCluster.start(1);
    await cluster.leader();
    await cluster.stopNode(1);
    fs.rmSync(cluster.dataDir(1), { recursive: true });
    Object.assign(cluster, { options: { initialState: 'existing' } });

    await expect(cluster.startNode(1)).rejects.toThrow('restore the directory');
  });

  it('lets one process use a directory at a time', async () => {
    cluster = await GrpcCluster.start(1);

    await expect(cluster.startNode(1)).rejects.toThrow('is using this data directory');
  });
});

describe('the gRPC transport', () => {
  const started: GrpcTransport[] = [];

  afterEach(async () => {
    await Promise.all(started.splice(0).map((transport) => transport.stop()));
  });

  interface Received {
    readonly transport: GrpcTransport;
    readonly messages: Message[];
    readonly snapshots: { from: number; term: number; data: string }[];
    readonly unreachable: number[];
    readonly gone: number[];
    readonly neverSent: Message[];
  }

  async function begin(options: Partial<GrpcTransportOptions> & { id: number; ports: number[] }) {
    const { ports, ...rest } = options;
    const received: Received = {
      transport: new GrpcTransport({
        clusterId: 'c',
        incarnationId: `incarnation-${options.id}`,
        peerIncarnations: new Map(),
        rememberPeer: () => Promise.resolve(),
        members: ports.map((port, at) => ({
          id: at + 1,
          address: `127.0.0.1:${port}`,
          voter: true,
        })),
        bindAddress: `127.0.0.1:${ports[options.id - 1] as number}`,
        ...rest,
      }),
      messages: [],
      snapshots: [],
      unreachable: [],
      gone: [],
      neverSent: [],
    };
    started.push(received.transport);
    const incoming = new IncomingSnapshots({
      bytesMax: 1_000_000,
      storage: new MemoryStorage(),
      term: () => 0,
      commitIndex: () => 0,
      nowMs: () => performance.now(),
      deliver: (from, term, _snapshot, data) => {
        received.snapshots.push({ from, term, data: Buffer.from(data ?? []).toString() });
      },
    });
    await received.transport.start({
      onMessages: (messages) => received.messages.push(...messages),
      onSnapshotOffer: (from, offer) => incoming.offer(from, offer),
      onSnapshotChunk: (from, chunk) => incoming.chunk(from, chunk),
      onUnreachable: (to) => received.unreachable.push(to),
      onGone: (id) => received.gone.push(id),
      onNeverSent: (messages) => received.neverSent.push(...messages),
    });
    return received;
  }

  function heartbeat(from: number, to: number, round: number): Message {
    return { type: 'heartbeat', from, to, term: 1, leaderCommit: 0, round };
  }

  const snapshot: SnapshotMetadata = {
    lastIncludedIndex: 9,
    lastIncludedTerm: 2,
    stampMs: 3,
    configuration: { clusterId: 'c', members: [{ id: 1, address: 'a', voter: true }] },
  };

  function transferOf(data: Uint8Array, chunkBytes = 1000): SnapshotTransfer {
    return new SnapshotTransfer(7, memorySnapshotReader({ snapshot, data }, chunkBytes));
  }

  const neverGivenUp = new AbortController().signal;

  it('carries messages of both lanes, each lane in order', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports });
    const two = await begin({ id: 2, ports });
    await eventually('a first message', () => {
      one.transport.send([heartbeat(1, 2, 0)]);
      return two.messages.length > 0;
    });
    two.messages.length = 0;

    for (let round = 1; round <= 100; round++) {
      const append: Message = {
        type: 'appendEntries',
        from: 1,
        to: 2,
        term: 1,
        prevLogIndex: round - 1,
        prevLogTerm: 1,
        entries: entriesOf(round, round),
        leaderCommit: 0,
      };
      one.transport.send([heartbeat(1, 2, round), append]);
    }

    const rounds = (): number[] =>
      two.messages.flatMap((message) =>
        message.type === 'heartbeat' && message.round > 0 ? [message.round] : [],
      );
    const indexes = (): number[] =>
      two.messages.flatMap((message) =>
        message.type === 'appendEntries' ? message.entries.map(({ index }) => index) : [],
      );
    const expected = Array.from({ length: 100 }, (_, at) => at + 1);
    await eventually('everything', () => rounds().length >= 100 && indexes().length === 100);
    expect(rounds()).toEqual(expected);
    expect(indexes()).toEqual(expected);
  });

  it('delivers after a peer was away, and says that it cannot be reached meanwhile', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports });
    await eventually('unreachable', () => one.unreachable.includes(2));
    one.transport.send([heartbeat(1, 2, 17)]);
    await eventually('it says so', () =>
      one.neverSent.some((message) => message.type === 'heartbeat' && message.round === 17),
    );

    const two = await begin({ id: 2, ports });

    await eventually('a message', () => {
      one.transport.send([heartbeat(1, 2, 1)]);
      return two.messages.length > 0;
    });
  });

  it('says that a peer is gone once its machine refuses connections', async () => {
    const ports = await freePorts(2);
    const two = await begin({ id: 2, ports });
    const one = await begin({ id: 1, ports });
    await eventually('a message', () => {
      one.transport.send([heartbeat(1, 2, 1)]);
      return two.messages.length > 0;
    });
    expect(one.gone).toEqual([]);

    await two.transport.stop();

    await eventually('it is gone', () => one.gone.includes(2));
  });

  it('carries a snapshot of many chunks', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports });
    const two = await begin({ id: 2, ports });
    const data = Array.from({ length: 5000 }, (_, at) => String(at)).join(' ');

    await one.transport.sendSnapshot(2, transferOf(Buffer.from(data)), neverGivenUp);

    expect(two.snapshots).toEqual([{ from: 1, term: 7, data }]);
  });

  it('goes on with a snapshot where the link broke', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports, limits: { snapshotBytesPerSecond: 50_000 } });
    const two = await begin({ id: 2, ports });
    const data = 'x'.repeat(20_000);
    const transfer = transferOf(Buffer.from(data));
    const breaking = new AbortController();
    const broken = one.transport.sendSnapshot(2, transfer, breaking.signal);
    await eventually('some chunks have come', () => transfer.position > 3);
    breaking.abort();
    await expect(broken).rejects.toThrow('was given up');
    expect(two.snapshots).toEqual([]);

    await one.transport.sendSnapshot(2, transfer, neverGivenUp);

    expect(two.snapshots).toEqual([{ from: 1, term: 7, data }]);
    expect(transfer.resumed).toBe(1);
    expect(transfer.chunksSent).toBeLessThan(2 * transfer.chunkCount);
  });

  it('sends a snapshot no faster than it may', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports, limits: { snapshotBytesPerSecond: 100_000 } });
    await begin({ id: 2, ports });
    const startedMs = performance.now();

    await one.transport.sendSnapshot(2, transferOf(Buffer.alloc(20_000)), neverGivenUp);

    // All but the last chunk have waited for their time.
    expect(performance.now() - startedMs).toBeGreaterThan(150);
  });

  it('lets heartbeats pass while a snapshot is on its way', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports, limits: { snapshotBytesPerSecond: 100_000 } });
    const two = await begin({ id: 2, ports });
    const transfer = transferOf(Buffer.alloc(50_000));
    const sent = one.transport.sendSnapshot(2, transfer, neverGivenUp);
    await eventually('some chunks have come', () => transfer.position > 3);

    one.transport.send([heartbeat(1, 2, 4711)]);

    await eventually('the heartbeat', () =>
      two.messages.some((message) => message.type === 'heartbeat' && message.round === 4711),
    );
    expect(transfer.isComplete).toBe(false);
    await sent;
  });

  it('refuses a snapshot above the limit, and says why', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports });
    await begin({ id: 2, ports });

    const sent = one.transport.sendSnapshot(2, transferOf(Buffer.alloc(1_000_001)), neverGivenUp);

    await expect(sent).rejects.toThrow('is above the limit');
  });

  it.each([
    ['another cluster', { clusterId: 'other' }, 'belongs to cluster "c", the caller to "other"'],
    ['a stranger', { id: 3, stranger: true }, 'server 3 is not a peer of server 2'],
    ['another incarnation', { incarnationId: 'new' }, 'its data directory was replaced'],
  ])('refuses %s with advice', async (_name, caller, advice) => {
    const ports = await freePorts(3);
    const known = new Map([[1, 'incarnation-1']]);
    await begin({ id: 2, ports: ports.slice(0, 2), peerIncarnations: known });
    const { stranger: _stranger, ...options } = caller as { stranger?: boolean };
    const one = await begin({ id: 1, ports, ...options });

    const refused = one.transport.sendSnapshot(2, transferOf(Buffer.alloc(10)), neverGivenUp);

    await expect(refused).rejects.toThrow(advice);
  });

  it('answers a server that it does not know where that one says it is', async () => {
    const ports = await freePorts(3);
    const two = await begin({ id: 2, ports: ports.slice(0, 2), guests: true });
    const three = await begin({ id: 3, ports });

    await eventually('a message', () => {
      three.transport.send([heartbeat(3, 2, 1)]);
      return two.messages.length > 0;
    });
    await eventually('an answer', () => {
      two.transport.send([heartbeat(2, 3, 2)]);
      return three.messages.length > 0;
    });
  });

  it('links to the peers that it is given, and to no others any more', async () => {
    const ports = await freePorts(3);
    const address = (id: number): string => `127.0.0.1:${ports[id - 1] as number}`;
    const one = await begin({ id: 1, ports: ports.slice(0, 2) });
    const two = await begin({ id: 2, ports });
    const three = await begin({ id: 3, ports });

    one.transport.setPeers([{ id: 3, address: address(3) }]);

    await eventually('a message', () => {
      one.transport.send([heartbeat(1, 3, 1), heartbeat(1, 2, 77)]);
      return three.messages.length > 0;
    });
    expect(two.messages.filter((message) => 'round' in message && message.round === 77)).toEqual(
      [],
    );
  });

  it('does not talk to a server that is another incarnation than the one it knew', async () => {
    const ports = await freePorts(2);
    const two = await begin({ id: 2, ports, incarnationId: 'new' });
    const one = await begin({ id: 1, ports, peerIncarnations: new Map([[2, 'old']]) });

    const refused = one.transport.sendSnapshot(2, transferOf(Buffer.alloc(10)), neverGivenUp);

    await expect(refused).rejects.toThrow('was known as incarnation old and is now new');
    expect(two.snapshots).toEqual([]);
  });

  it('bounds what waits for a peer that takes nothing, while the others get theirs', async () => {
    const ports = await freePorts(3);
    const one = await begin({
      id: 1,
      ports,
      limits: { queueMessagesMax: 50, openTimeoutMs: 60_000 },
    });
    const three = await begin({ id: 3, ports });
    // Accepts connections and never reads: a frozen process.
    const sockets: Socket[] = [];
    const frozen = createServer((socket) => sockets.push(socket.pause()));
    frozen.listen(ports[1], '127.0.0.1');
    await eventually('three hears', () => {
      one.transport.send([heartbeat(1, 3, 0)]);
      return three.messages.length > 0;
    });

    const goneBefore = one.gone.length;
    for (let round = 0; round < 1000; round++) one.transport.send([heartbeat(1, 2, round)]);
    one.transport.send([heartbeat(1, 3, 4711)]);

    await eventually('three still hears', () =>
      three.messages.some((message) => message.type === 'heartbeat' && message.round === 4711),
    );
    expect(one.unreachable.filter((to) => to === 2).length).toBeGreaterThan(500);
    // Silence is no proof of death.
    expect(one.gone).toHaveLength(goneBefore);
    frozen.close();
    for (const socket of sockets) socket.destroy();
  });

  it('survives bytes that are no HTTP/2', async () => {
    const ports = await freePorts(2);
    const one = await begin({ id: 1, ports });
    const two = await begin({ id: 2, ports });
    const socket = connect(ports[1] as number, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise((resolve) => socket.write('GET / HTTP/1.0\r\n\r\n', resolve));

    await eventually('a message', () => {
      one.transport.send([heartbeat(1, 2, 1)]);
      return two.messages.length > 0;
    });
    socket.destroy();
  });
});
