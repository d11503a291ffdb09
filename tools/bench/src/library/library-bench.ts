import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';
import { NODE_FLAGS } from '@raftway/service-kit';
import { BenchError } from '../bench-error';
import { MachineShare } from '../measure/machine-share';
import { asText, significant } from '../report/table';
import { freePorts } from '@raftway/service-kit/testing';
import type { Workbench } from '../workbench';
import type { Load, Request, Status } from './protocol';

const LEVELS = [1, 64, 256, 1024, 4096];
const TARGET_PER_SECOND = 50_000;
const MEMORY_ENTRIES = 1_000_000;
const MEMORY_STEPS = 4;
const MEMORY_IN_FLIGHT = 256;
const MEMORY_SECONDS_MAX = 600;
const MEBIBYTE = 1024 * 1024;
const TARGET_MEMORY_MIB = 200;
const LEADER_TIMEOUT_MS = 20_000;

/** One node in a process of its own. */
class NodeProcess {
  constructor(private readonly child: ChildProcess) {}

  async status(): Promise<Status> {
    return (await this.ask({ type: 'status' })) as Status;
  }

  async load(inFlight: number, seconds: number, operationsMax: number): Promise<Load> {
    return (await this.ask({ type: 'load', inFlight, seconds, operationsMax })) as Load;
  }

  /** The next message of the process. @throws BenchError when it ends instead */
  next(): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const onExit = (): void => reject(new BenchError('a node has ended'));
      this.child.once('exit', onExit);
      this.child.once('message', (message) => {
        this.child.removeListener('exit', onExit);
        resolve(message);
      });
    });
  }

  private ask(request: Request): Promise<unknown> {
    const answer = this.next();
    this.child.send(request);
    return answer;
  }
}

/**
 * Measures the library without any service on it: three node processes over loopback, proposals of 116 bytes made in the leader's process, every batch synced. Then memory of
 * the nodes while a million entries are applied.
 *
 * @returns what it has found, as text
 */
export async function benchLibrary(bench: Workbench, seconds: number): Promise<string> {
  const nodes = await startNodes(bench);
  const leader = await leaderOf(nodes);
  const machine = new MachineShare();
  // First: thousands in flight leave a heap behind that is not what a million entries take. It is the warm-up, too.
  const memory = await memoryRows(bench, nodes, leader);
  const rows: string[][] = [];
  let best = 0;
  for (const inFlight of LEVELS) {
    bench.say(`${inFlight} in flight`);
    const { operations, seconds: took, p50Ms, p99Ms } = await leader.load(inFlight, seconds, 1e9);
    const perSecond = operations / took;
    best = Math.max(best, perSecond);
    const latencies = [`${significant(p50Ms)} ms`, `${significant(p99Ms)} ms`];
    rows.push([String(inFlight), significant(perSecond), ...latencies]);
  }
  const most = Math.max(...memory.flatMap(({ mebibytes }) => mebibytes));
  const verdict = (reached: boolean): string => (reached ? 'reached' : 'missed');
  return [
    'Proposals of 116 bytes in the process of the leader, three node processes',
    asText({ head: ['in flight', 'per second', 'p50', 'p99'], rows }),
    'Memory in MiB of each node while entries are applied',
    asText({
      head: ['applied', 'node 1', 'node 2', 'node 3'],
      rows: memory.map(({ applied, mebibytes }) => [String(applied), ...mebibytes.map(String)]),
    }),
    [
      `Target: ${TARGET_PER_SECOND} proposals a second: ${verdict(best >= TARGET_PER_SECOND)}`,
      `Target: at most ${TARGET_MEMORY_MIB} MiB: ${verdict(most <= TARGET_MEMORY_MIB)}`,
      `Other processes took ${Math.round(machine.othersShare() * 100)} % of the processors meanwhile`,
    ].join('\n'),
    '',
  ].join('\n\n');
}

async function startNodes(bench: Workbench): Promise<readonly NodeProcess[]> {
  const ports = await freePorts(3);
  const program = join(__dirname, 'node-main.js');
  const children = ports.map((_, at) => {
    const directory = join(bench.directory, `library-${at + 1}`);
    return fork(program, [String(at + 1), ports.join(','), directory], {
      execArgv: [...NODE_FLAGS],
    });
  });
  bench.onStop(async () => {
    const ended = children.map((child) => new Promise((resolve) => child.once('exit', resolve)));
    const running = children.filter(
      ({ exitCode, signalCode }) => (exitCode ?? signalCode) === null,
    );
    for (const child of running) child.kill('SIGKILL');
    await Promise.all(ended.filter((_, at) => running.includes(children[at] as ChildProcess)));
  });
  const nodes = children.map((child) => new NodeProcess(child));
  await Promise.all(nodes.map((node) => node.next()));
  return nodes;
}

async function leaderOf(nodes: readonly NodeProcess[]): Promise<NodeProcess> {
  const giveUpMs = performance.now() + LEADER_TIMEOUT_MS;
  while (performance.now() < giveUpMs) {
    for (const node of nodes) if ((await node.status()).leads) return node;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new BenchError('the nodes have elected no leader');
}

async function memoryRows(
  bench: Workbench,
  nodes: readonly NodeProcess[],
  leader: NodeProcess,
): Promise<{ applied: number; mebibytes: number[] }[]> {
  const rows: { applied: number; mebibytes: number[] }[] = [];
  for (let step = 1; step <= MEMORY_STEPS; step += 1) {
    bench.say(`memory, step ${step} of ${MEMORY_STEPS}`);
    await leader.load(MEMORY_IN_FLIGHT, MEMORY_SECONDS_MAX, MEMORY_ENTRIES / MEMORY_STEPS);
    const statuses = await Promise.all(nodes.map((node) => node.status()));
    rows.push({
      applied: Math.min(...statuses.map(({ appliedIndex }) => appliedIndex)),
      mebibytes: statuses.map(({ residentBytes }) => Math.round(residentBytes / MEBIBYTE)),
    });
  }
  return rows;
}
