import { spawnSync } from 'node:child_process';
import { constants, setPriority } from 'node:os';
import { type RawPeer, type Received, type } from '@raftway/http2/testing';
import { registerSelf, type SelfRegistration } from '@raftway/discovery';
import { freePorts } from '@raftway/service-kit/testing';
import { AppProcess } from './app-process';
import type { Attack, Stage } from './attack';
import { Bystander, BYSTANDER_SERVICE } from './bystander';
import { clientFloods } from './client-floods';
import { clientHoards } from './client-hoards';
import { clientLies } from './client-lies';
import type { HostileInstance } from './hostile-instance';
import { instanceAttacks } from './instance-attacks';
import { readLargely, Target, TARGET_SERVICE } from './target';
import { COLUMNS, judge, tableOf } from './verdict';

/** What a run is made with. */
export interface AttackOptions {
  readonly root: string;
  /** Where state and logs go. */
  readonly dataDir: string;
  /** How long each class attacks. */
  readonly durationMs: number;
  /** Classes at the same time. */
  readonly together: number;
  /** Names of classes; all when there are none. */
  readonly only: readonly string[];
  readonly judgesLatency: boolean;
  readonly report: (line: string) => void;
}

const HOST = '127.0.0.1';
/**
 * Before the first attack: code is compiled, and the memory that Node takes for whatever has much to do (V8 lets up to 64 MiB of buffers die before it collects them)
 * is taken by good traffic, so that what an attack adds is the attack's.
 */
const WARM_UP_MS = 2_000;
const WARM_UP_ANSWERS = 3;
/** Of an attack's time, how long good traffic is measured alone before it: what is slow without an attack, once in ten seconds, has to be in both. */
const QUIET_SHARE = 0.5;
const SAMPLE_MS = 50;

/** All classes, or those that are named. @throws RangeError for a name that there is not */
export function chooseAttacks(only: readonly string[]): Attack[] {
  const all = [...clientFloods, ...clientHoards, ...clientLies, ...instanceAttacks];
  const names = all.map(({ name }) => name);
  for (const name of only) {
    if (!names.includes(name))
      throw new RangeError(`there is no attack ${name}; there are ${names.join(', ')}`);
  }
  return only.length === 0 ? all : all.filter(({ name }) => only.includes(name));
}

/** Attacks a gateway of its own in every chosen way. Yields what is wrong: nothing, if all is well. */
export async function runAttacks(options: AttackOptions): Promise<string[]> {
  const attacks = chooseAttacks(options.only);
  const scene = new Scene(options, attacks);
  try {
    await scene.open();
    const findings: string[] = [];
    const rows: (readonly string[])[] = [COLUMNS];
    for (const round of rounds(attacks, options.together)) {
      const judged = judge(await scene.play(round), options.judgesLatency);
      rows.push(judged.row);
      findings.push(...judged.findings);
      if (scene.gateway?.end !== undefined) break;
    }
    for (const line of tableOf(rows)) options.report(line);
    return findings;
  } finally {
    await scene.close();
  }
}

/** So many at a time. Neighbours in the list are alike, and like to be apart. */
function rounds(attacks: readonly Attack[], together: number): Attack[][] {
  const count = Math.ceil(attacks.length / together);
  return Array.from({ length: count }, (_unused, at) =>
    attacks.filter((_attack, index) => index % count === at),
  );
}

/** The processes of a run, and the attacker's own servers. */
class Scene {
  gateway: AppProcess | undefined;
  private readonly target = new Target();
  private readonly hostile: readonly HostileInstance[];
  private readonly registrations: SelfRegistration[] = [];
  private registry: AppProcess | undefined;
  private bystander: Bystander | undefined;
  private address = '';

  constructor(
    private readonly options: AttackOptions,
    attacks: readonly Attack[],
  ) {
    this.hostile = attacks.flatMap(({ instance }) => instance ?? []);
  }

  async open(): Promise<void> {
    const { root, dataDir } = this.options;
    const at = (await freePorts(6)).map((port) => `${HOST}:${port}`);
    const [seed = '', peers = '', registryHttp = '', bind = '', admin = '', http = ''] = at;
    this.registry = new AppProcess(root, 'registry', dataDir, {
      RAFTWAY_BIND: seed,
      RAFTWAY_PEER_BIND: peers,
      RAFTWAY_HTTP_BIND: registryHttp,
      RAFTWAY_NODE_ID: '1',
      RAFTWAY_PEERS: `1=${peers}`,
      RAFTWAY_REPLICAS: `1=${seed}`,
      RAFTWAY_DATA_DIR: `${dataDir}/registry`,
    });
    await this.registry.ready(registryHttp);
    const [bystander] = await Promise.all([
      Bystander.start(),
      this.target.start(),
      ...this.hostile.map((one) => one.start()),
    ]);
    this.bystander = bystander;
    await this.register(seed, BYSTANDER_SERVICE, bystander.address);
    await this.register(seed, TARGET_SERVICE, this.target.address);
    await Promise.all(
      this.hostile.map(({ service, address }) => this.register(seed, service, address)),
    );
    this.gateway = new AppProcess(root, 'gateway', dataDir, {
      RAFTWAY_BIND: bind,
      RAFTWAY_ADMIN_BIND: admin,
      RAFTWAY_HTTP_BIND: http,
      RAFTWAY_REGISTRY: seed,
    });
    await this.gateway.ready(http);
    this.address = bind;
    giveWay();
    bystander.begin(bind);
    await Promise.all([
      wait(WARM_UP_MS),
      ...Array.from({ length: WARM_UP_ANSWERS }, () => readLargely(bind)),
    ]);
  }

  /** Measures good traffic alone and then beside these attacks. */
  async play(attacks: readonly Attack[]): Promise<Parameters<typeof judge>[0]> {
    const { durationMs } = this.options;
    const { gateway, bystander } = this;
    if (gateway === undefined || bystander === undefined) throw new Error('the scene is not open');
    await bystander.report();
    await wait(QUIET_SHARE * durationMs);
    const before = await bystander.report();
    const residentBeforeBytes = gateway.residentBytes();
    let residentPeakBytes = residentBeforeBytes;
    const sampling = setInterval(() => {
      residentPeakBytes = Math.max(residentPeakBytes, gateway.residentBytes());
    }, SAMPLE_MS);
    const { endings, breaches } = await this.attackWith(attacks, durationMs);
    const during = await bystander.report();
    clearInterval(sampling);
    if (gateway.end !== undefined) breaches.push(gateway.end);
    return {
      names: attacks.map(({ name }) => name),
      beforeMs: before.durationsMs,
      duringMs: during.durationsMs,
      failures: [...before.failures, ...during.failures],
      residentBeforeBytes,
      residentPeakBytes,
      endings,
      breaches,
    };
  }

  async close(): Promise<void> {
    await this.bystander?.stop();
    await Promise.all(this.registrations.map((one) => one.deregister()));
    await this.gateway?.stop();
    await this.registry?.stop();
    await Promise.all([this.target, ...this.hostile].map((one) => one.stop()));
  }

  private async attackWith(
    attacks: readonly Attack[],
    durationMs: number,
  ): Promise<{ endings: Map<string, number>; breaches: string[] }> {
    const endings = new Map<string, number>();
    const over = new AbortController();
    const timer = setTimeout(() => over.abort(), durationMs);
    const stage: Stage = {
      gateway: this.address,
      target: this.target,
      isOver: () => over.signal.aborted,
      signal: over.signal,
      note: (peer) => {
        const how = endingOf(peer);
        endings.set(how, (endings.get(how) ?? 0) + 1);
      },
    };
    const results = await Promise.allSettled(attacks.map((attack) => attack.run(stage)));
    clearTimeout(timer);
    const breaches = results.flatMap((result) =>
      result.status === 'rejected' ? [String(result.reason)] : [],
    );
    return { endings, breaches };
  }

  private async register(seed: string, service: string, address: string): Promise<void> {
    const instance = { service, instanceId: service, address, grpcServices: [service] };
    const registration = registerSelf({ registry: [seed], instance });
    this.registrations.push(registration);
    await registration.registered();
  }
}

/**
 * From here on this process is the attacker. On a machine of its own it would take no time from those that it attacks: here it gets all that they leave. Linux lets
 * a process of the lowest priority finish its slice before one that wakes up, unless it is of the idle class.
 */
function giveWay(): void {
  setPriority(constants.priority.PRIORITY_LOW);
  if (process.platform === 'linux')
    spawnSync('chrt', ['--all-tasks', '--idle', '--pid', '0', String(process.pid)]);
}

function endingOf(peer: RawPeer): string {
  const isFinal = ({ kind, payload }: Received): boolean =>
    kind === type.goaway && payload.length >= 8 && payload.readUInt32BE(4) !== 0;
  const goaway = peer.frames.findLast(isFinal);
  if (goaway !== undefined)
    return `GOAWAY ${goaway.payload.readUInt32BE(4)}: ${goaway.payload.toString('latin1', 8)}`;
  return peer.closed ? 'closed' : 'left open';
}

function wait(durationMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, durationMs));
}
