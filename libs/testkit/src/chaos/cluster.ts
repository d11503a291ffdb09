import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, closeSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS } from '@raftway/service-kit';
import { LimitedDisk, releaseDisks, slowSyncs } from './disks';
import type { Host, Network } from './network';

/** The replicated services. */
export const SERVICES = ['registry', 'lock-service', 'id-service'] as const;
export type Service = (typeof SERVICES)[number];

/** Below Linux's range of ephemeral ports, so that no outgoing connection can take one; a replica's ordinal is added. */
const FIRST_PORT: Readonly<Record<Service, number>> = {
  registry: 24_060,
  'lock-service': 24_070,
  'id-service': 24_080,
};
const PEER_PORT_DISTANCE = 1_000;
const HTTP_PORT_DISTANCE = 2_000;

/** One replica of one service: a real process that can be killed, frozen and started again. */
export class ReplicaProcess {
  readonly name: string;
  readonly address: string;
  private child: ChildProcess | undefined;
  private gone: Promise<void> = Promise.resolve();
  /** How it has ended without being killed: one sentence each. */
  readonly surprises: string[] = [];
  private isBeingEnded = false;
  /** Where its state is, if that is a disk that can be filled. */
  disk: LimitedDisk | undefined;

  constructor(
    readonly service: Service,
    readonly host: Host,
    private readonly network: Network,
    private readonly root: string,
    private readonly dataDir: string,
  ) {
    this.name = `${service}-${host.ordinal}`;
    this.address = this.addressOn(service, host, 0);
  }

  get ordinal(): number {
    return this.host.ordinal;
  }

  /** Starts it as it is deployed, also again after a kill, with the same state. What it prints goes to `<name>.log` beside its data. */
  start(): void {
    if (this.child !== undefined) return;
    mkdirSync(this.dataDir, { recursive: true });
    const entry = join(this.root, 'apps', this.service, 'dist', 'main.js');
    const [program, args] = this.host.wrap(process.execPath, [...NODE_FLAGS, entry]);
    const log = openSync(join(this.dataDir, `${this.name}.log`), 'a');
    const child = spawn(program, args, {
      env: this.environment(),
      stdio: ['pipe', log, log],
    });
    closeSync(log);
    this.child = child;
    this.isBeingEnded = false;
    this.gone = new Promise((resolve) => {
      child.once('close', (code, signal) => {
        if (!this.isBeingEnded) {
          this.surprises.push(
            `${this.name} has ended by itself, with ${signal ?? `status ${code}`}`,
          );
        }
        this.child = undefined;
        resolve();
      });
    });
  }

  /** SIGKILL; resolves when the process is gone. */
  async kill(): Promise<void> {
    await this.end('SIGKILL');
  }

  /** SIGTERM, as an orchestrator replaces a replica: it hands over, finishes its calls and ends. Resolves when the process is gone. */
  async drain(): Promise<void> {
    await this.end('SIGTERM');
  }

  /**
   * SIGSTOP, and SIGCONT after so many milliseconds, by a shell of its own: a run that dies meanwhile leaves no stopped process. Resolves after
   * the SIGCONT.
   */
  async freeze(durationMs: number): Promise<void> {
    const pid = this.child?.pid;
    if (pid === undefined) return;
    const script = 'kill -STOP "$0" && sleep "$1"; kill -CONT "$0"';
    const shell = spawn('sh', ['-c', script, String(pid), String(durationMs / 1000)], {
      stdio: 'ignore',
    });
    await new Promise((resolve) => shell.once('close', resolve));
  }

  /** Lets every sync of its files take so much longer, for so long. */
  async slowSyncs(delayMs: number, durationMs: number): Promise<void> {
    const pid = this.child?.pid;
    if (pid !== undefined) await slowSyncs(pid, delayMs, durationMs);
  }

  private async end(signal: NodeJS.Signals): Promise<void> {
    this.isBeingEnded = true;
    this.child?.kill(signal);
    await this.gone;
  }

  private environment(): NodeJS.ProcessEnv {
    const { service, host } = this;
    const own = Object.entries(process.env).filter(([key]) => !key.startsWith('RAFTWAY_'));
    const addresses = (of: Service, distance: number): string[] =>
      this.network.hosts.map((peer) => this.addressOn(of, peer, distance));
    const numbered = (list: readonly string[]): string =>
      list.map((address, index) => `${index + 1}=${address}`).join(',');
    return {
      ...Object.fromEntries(own),
      RAFTWAY_BIND: this.address,
      RAFTWAY_HTTP_BIND: this.addressOn(service, host, HTTP_PORT_DISTANCE),
      RAFTWAY_PEER_BIND: this.addressOn(service, host, PEER_PORT_DISTANCE),
      RAFTWAY_PEERS: numbered(addresses(service, PEER_PORT_DISTANCE)),
      RAFTWAY_NODE_ID: String(host.ordinal),
      RAFTWAY_DATA_DIR: this.disk?.dataDir ?? join(this.dataDir, this.name),
      RAFTWAY_STOP_WITH_PARENT: 'true',
      ...(service === 'registry'
        ? { RAFTWAY_REPLICAS: numbered(addresses('registry', 0)) }
        : {
            RAFTWAY_REGISTRY: addresses('registry', 0).join(','),
            RAFTWAY_INSTANCE_ID: this.name,
          }),
    };
  }

  private addressOn(service: Service, host: Host, distance: number): string {
    return `${host.ip}:${FIRST_PORT[service] + distance + host.ordinal}`;
  }
}

/** Three replicas of each replicated service. */
export class Cluster {
  readonly replicas: readonly ReplicaProcess[];

  /**
   * @param root the folder with `apps/<service>/dist/main.js`
   * @param dataDir where state and logs go
   */
  constructor(
    readonly network: Network,
    root: string,
    private readonly dataDir: string,
    services: readonly Service[] = SERVICES,
  ) {
    this.replicas = services.flatMap((service) =>
      network.hosts.map((host) => new ReplicaProcess(service, host, network, root, dataDir)),
    );
  }

  of(service: Service): ReplicaProcess[] {
    return this.replicas.filter((replica) => replica.service === service);
  }

  addressesOf(service: Service): string[] {
    return this.of(service).map(({ address }) => address);
  }

  on(ordinal: number): ReplicaProcess[] {
    return this.replicas.filter((replica) => replica.ordinal === ordinal);
  }

  /** Gives one replica of each service, each on another host, a disk that can be filled. To be called before {@link start}. */
  async limitDisks(): Promise<void> {
    for (const [index, service] of SERVICES.entries()) {
      const replica = this.of(service)[index % this.network.hosts.length];
      if (replica === undefined) continue;
      replica.disk = await LimitedDisk.mount(join(this.dataDir, `${replica.name}.disk`));
    }
  }

  start(): void {
    for (const replica of this.replicas) replica.start();
  }

  /** Ends all of them; what was on disks that could be filled is kept beside the state of the others. */
  async kill(): Promise<void> {
    await Promise.all(this.replicas.map((replica) => replica.kill()));
    for (const { name, disk } of this.replicas) disk?.copyTo(join(this.dataDir, name));
    releaseDisks(this.dataDir);
  }
}
