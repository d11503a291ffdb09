import * as fs from 'node:fs';
import * as os from 'node:os';
import * as path from 'node:path';
import { createRaftNode, type RaftNode, type RaftNodeOptions } from '../../src';
import { eventually, KeyValue } from './key-value';
import { freePorts } from './ports';

/** Replicas of one process with real files and real sockets. */
export class GrpcCluster {
  readonly nodes = new Map<number, RaftNode<string>>();
  readonly machines = new Map<number, KeyValue>();
  readonly logs: { level: string; message: string; fields: unknown }[] = [];
  readonly directory = fs.mkdtempSync(path.join(os.tmpdir(), 'raft-cluster-'));

  private constructor(
    private readonly ports: readonly number[],
    /** How many found the group; the others wait to be added. */
    private readonly founders: number,
    private readonly options: Partial<RaftNodeOptions<string>>,
    private readonly optionsOf: (id: number) => Partial<RaftNodeOptions<string>>,
  ) {}

  static async start(
    size: number,
    options: Partial<RaftNodeOptions<string>> = {},
    /** Servers that are not started, and not in the group. */
    strangers = 0,
    /** What only one of them has. */
    optionsOf: (id: number) => Partial<RaftNodeOptions<string>> = () => ({}),
  ): Promise<GrpcCluster> {
    const ports = await freePorts(size + strangers);
    const cluster = new GrpcCluster(ports, size, options, optionsOf);
    const ids = cluster.ids.slice(0, size);
    await Promise.all(ids.map((id) => cluster.startNode(id)));
    return cluster;
  }

  address(id: number): string {
    return `127.0.0.1:${this.ports[id - 1] as number}`;
  }

  get ids(): number[] {
    return this.ports.map((_, at) => at + 1);
  }

  dataDir(id: number): string {
    return path.join(this.directory, String(id));
  }

  async startNode(id: number): Promise<RaftNode<string>> {
    const machine = new KeyValue();
    const log =
      (level: string) =>
      (message: string, fields?: unknown): void =>
        void this.logs.push({ level, message, fields });
    const node = createRaftNode({
      clusterId: 'grpc',
      heartbeatIntervalMs: 25,
      electionTimeoutMs: 250,
      logger: { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') },
      onFatal: (error) => log('fatal')(error.message),
      dataDir: this.dataDir(id),
      initialState: id > this.founders ? 'existing' : 'new',
      ...this.options,
      ...this.optionsOf(id),
      id,
      peers: this.ids
        .filter((peer) => peer <= this.founders || peer === id)
        .map((peer) => ({ id: peer, address: this.address(peer) })),
      stateMachine: machine,
    });
    await node.start();
    this.nodes.set(id, node);
    this.machines.set(id, machine);
    return node;
  }

  node(id: number): RaftNode<string> {
    return this.nodes.get(id) as RaftNode<string>;
  }

  async stopNode(id: number): Promise<void> {
    const node = this.node(id);
    this.nodes.delete(id);
    await node.stop();
  }

  async leader(): Promise<RaftNode<string>> {
    const nodes = [...this.nodes.values()];
    const leads = (node: RaftNode<string>): boolean =>
      node.status().role === 'leader' &&
      nodes.every((other) => other.status().leaderId === node.id);
    await eventually('a leader', () => nodes.some(leads));
    return nodes.find(leads) as RaftNode<string>;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.nodes.values()].map((node) => node.stop()));
    fs.rmSync(this.directory, { recursive: true });
  }
}
