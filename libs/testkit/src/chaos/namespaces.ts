/*
 * A network of one's own
 *
 * The problem. Cut cables are the faults that consensus is about, and loopback has none. Firewall rules on the real interfaces need tools that
 * are not everywhere, and what a crashed run leaves behind cuts off the machine.
 *
 * The sketch. Linux network namespaces, with nothing but iproute2: one for the clients, one for each of three hosts, each joined by a veth pair to one more that
 * routes between them. Addresses are from 10.113.0.0/16 and exist nowhere else. A cut is a policy routing rule of the router, "from that interface to
 * that address: black hole": one direction at a time, silent, and connections stay open, as with a broken cable. Names begin with the
 * process id of the run, so that the next run can remove what a dead one left.
 */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { promisify } from 'node:util';
import type { Host, Network } from './network';

const run = promisify(execFile);
const PREFIX = 'raftway-';
const CLIENTS = 0;
const ORDINALS = [1, 2, 3];
/** Policy rules of the router below this preference are cuts. */
const CUT_PREFERENCE = 100;

/**
 * How slowness is made. netem delays and loses packets as told; where the kernel lacks it, a link of 256 kbit/s whose queue holds 400 ms
 * delays what it can and loses the rest.
 */
const SLOWNESS = {
  netem: ['netem', 'delay', '60ms', '40ms', 'loss', '5%'],
  tbf: ['tbf', 'rate', '256kbit', 'burst', '4kb', 'latency', '400ms'],
} as const;
type Slowness = keyof typeof SLOWNESS;

const namespaceOf = (id: string, member: number | 'router'): string => `${PREFIX}${id}-${member}`;
const ipOf = (member: number): string => `10.113.${member}.2`;
const gatewayOf = (member: number): string => `10.113.${member}.1`;

/** Why namespaces cannot be used here; undefined when they can. */
export async function namespacesMissing(): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'network namespaces exist on Linux only';
  const probe = namespaceOf(`${process.pid}`, 99);
  try {
    await run('ip', ['netns', 'add', probe]);
    await run('ip', ['-n', probe, 'link', 'add', 'v', 'type', 'veth', 'peer', 'name', 'w']);
    await run('ip', ['-n', probe, 'rule', 'add', 'iif', 'v', 'to', '10.113.0.1', 'blackhole']);
    return undefined;
  } catch (error) {
    return `network namespaces cannot be used: ${String((error as Error).message).trim()}`;
  } finally {
    await run('ip', ['netns', 'del', probe]).catch(() => undefined);
  }
}

/** Removes what runs that are over have left behind: their namespaces and whatever still runs in them. */
export async function removeLeftovers(): Promise<void> {
  const { stdout } = await run('ip', ['netns', 'list']);
  for (const [, name = '', pid] of stdout.matchAll(/^(raftway-(\d+)-\S+)/gm)) {
    if (!existsSync(`/proc/${pid}`)) await removeNamespace(name);
  }
}

/** Makes the namespaces for a run. */
export async function createNamespaces(id: string): Promise<void> {
  const router = namespaceOf(id, 'router');
  await run('ip', ['netns', 'add', router]);
  await run('ip', ['-n', router, 'link', 'set', 'lo', 'up']);
  await run('ip', ['netns', 'exec', router, 'sh', '-c', 'echo 1 > /proc/sys/net/ipv4/ip_forward']);
  for (const member of [CLIENTS, ...ORDINALS]) {
    const name = namespaceOf(id, member);
    const inRouter = `to-${member}`;
    await run('ip', ['netns', 'add', name]);
    const veth = ['link', 'add', inRouter, 'type', 'veth', 'peer', 'name', 'up0', 'netns', name];
    await run('ip', ['-n', router, ...veth]);
    await run('ip', ['-n', router, 'address', 'add', `${gatewayOf(member)}/30`, 'dev', inRouter]);
    await run('ip', ['-n', router, 'link', 'set', inRouter, 'up']);
    await run('ip', ['-n', name, 'link', 'set', 'lo', 'up']);
    await run('ip', ['-n', name, 'address', 'add', `${ipOf(member)}/30`, 'dev', 'up0']);
    await run('ip', ['-n', name, 'link', 'set', 'up0', 'up']);
    await run('ip', ['-n', name, 'route', 'add', 'default', 'via', gatewayOf(member)]);
  }
}

/** The command line that runs a program where the clients are. */
export function inClientNamespace(
  id: string,
  program: string,
  args: readonly string[],
): readonly [string, readonly string[]] {
  return ['ip', ['netns', 'exec', namespaceOf(id, CLIENTS), program, ...args]];
}

/** Removes a run's namespaces and ends whatever still runs in them. */
export async function removeNamespaces(id: string): Promise<void> {
  for (const member of [...ORDINALS, CLIENTS, 'router' as const]) {
    await removeNamespace(namespaceOf(id, member));
  }
}

async function removeNamespace(name: string): Promise<void> {
  const pids = await run('ip', ['netns', 'pids', name]).catch(() => ({ stdout: '' }));
  for (const pid of pids.stdout.split('\n').map(Number)) {
    if (pid > 1 && pid !== process.pid) killQuietly(pid);
  }
  await run('ip', ['netns', 'del', name]).catch(() => undefined);
}

function killQuietly(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It ended by itself.
  }
}

/** The network that {@link createNamespaces} made. */
export async function namespacedNetwork(id: string): Promise<Network> {
  const slowness = await slownessOf(namespaceOf(id, 'router'));
  return new NamespacedNetwork(id, slowness);
}

async function slownessOf(router: string): Promise<Slowness | undefined> {
  for (const kind of ['netem', 'tbf'] as const) {
    const change = (verb: string) =>
      run('tc', ['-n', router, 'qdisc', verb, 'dev', 'to-1', 'root', ...SLOWNESS[kind]]);
    const isThere = await change('add').then(
      () => true,
      () => false,
    );
    if (!isThere) continue;
    await run('tc', ['-n', router, 'qdisc', 'del', 'dev', 'to-1', 'root']);
    return kind;
  }
  return undefined;
}

class NamespacedNetwork implements Network {
  readonly canCut = true;
  readonly hosts: readonly Host[];
  private readonly router: string;
  private cuts = 0;
  private readonly slowed = new Set<number>();

  constructor(
    id: string,
    readonly slowness: Slowness | undefined,
  ) {
    this.router = namespaceOf(id, 'router');
    this.hosts = ORDINALS.map((ordinal) => ({
      ordinal,
      ip: ipOf(ordinal),
      wrap: (program, args) =>
        ['ip', ['netns', 'exec', namespaceOf(id, ordinal), program, ...args]] as const,
    }));
  }

  async cut(from: number, to: number): Promise<void> {
    const preference = String(CUT_PREFERENCE + this.cuts);
    this.cuts += 1;
    const match = ['iif', `to-${from}`, 'to', ipOf(to), 'preference', preference];
    await run('ip', ['-n', this.router, 'rule', 'add', ...match, 'blackhole']);
  }

  async slow(ordinal: number): Promise<void> {
    if (this.slowness === undefined) throw new Error('links cannot be made slow here');
    this.slowed.add(ordinal);
    const device = ['dev', `to-${ordinal}`, 'root'];
    await run('tc', ['-n', this.router, 'qdisc', 'add', ...device, ...SLOWNESS[this.slowness]]);
  }

  async heal(): Promise<void> {
    for (; this.cuts > 0; this.cuts -= 1) {
      const preference = String(CUT_PREFERENCE + this.cuts - 1);
      await run('ip', ['-n', this.router, 'rule', 'del', 'preference', preference]);
    }
    for (const ordinal of this.slowed) {
      await run('tc', ['-n', this.router, 'qdisc', 'del', 'dev', `to-${ordinal}`, 'root']);
    }
    this.slowed.clear();
  }
}
