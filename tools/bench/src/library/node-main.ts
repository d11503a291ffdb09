import { createRaftNode, Role, type StateMachine } from '@raftway/raft';
import { quantile } from '../measure/load';
import type { Load, Request, Status } from './protocol';

// One node of the library's benchmark, as a process of its own: `node-main.js <id> <ports> <data directory>`. Proposals are made in it, as a service makes them.

const COMMAND_BYTES = 116;
/** Every so many latencies is kept: they must not be what takes the memory. */
const SAMPLE = 8;

/** Counts: what is measured is the log. */
class Register implements StateMachine<number> {
  private count = 0;

  apply(): number {
    this.count += 1;
    return this.count;
  }

  snapshot(): Uint8Array {
    return this.encodeResult(this.count);
  }

  restore(snapshot: Uint8Array): void {
    this.count = this.decodeResult(snapshot);
  }

  encodeResult(result: number): Uint8Array {
    return Buffer.from(String(result));
  }

  decodeResult(bytes: Uint8Array): number {
    return Number(Buffer.from(bytes).toString());
  }
}

const [, , id = '', ports = '', dataDir = ''] = process.argv;
const node = createRaftNode({
  id: Number(id),
  clusterId: 'bench',
  peers: ports.split(',').map((port, at) => ({ id: at + 1, address: `127.0.0.1:${port}` })),
  dataDir,
  stateMachine: new Register(),
});

async function load({ inFlight, seconds, operationsMax }: Extract<Request, { type: 'load' }>) {
  const command = new Uint8Array(COMMAND_BYTES).fill(7);
  const samples: number[] = [];
  let [begun, done] = [0, 0];
  const startedMs = performance.now();
  const endMs = startedMs + seconds * 1000;
  const work = async (): Promise<void> => {
    for (let fromMs = performance.now(); fromMs < endMs && begun < operationsMax;) {
      begun += 1;
      await node.propose(command);
      const nowMs = performance.now();
      if (done % SAMPLE === 0) samples.push(nowMs - fromMs);
      done += 1;
      fromMs = nowMs;
    }
  };
  await Promise.all(Array.from({ length: inFlight }, work));
  const elapsed = (performance.now() - startedMs) / 1000;
  const sorted = Float64Array.from(samples).sort();
  const [p50Ms, p99Ms] = [quantile(sorted, 0.5), quantile(sorted, 0.99)];
  return { operations: done, seconds: elapsed, p50Ms, p99Ms } satisfies Load;
}

function status(): Status {
  const { role, appliedIndex } = node.status();
  const leads = role === Role.leader;
  return { leads, appliedIndex, residentBytes: process.memoryUsage.rss() };
}

async function answer(request: Request): Promise<void> {
  process.send?.(request.type === 'status' ? status() : await load(request));
}

function fail(error: unknown): void {
  process.stderr.write(`${String(error)}\n`);
  process.exit(1);
}

process.on('message', (request: Request) => void answer(request).catch(fail));
process.on('disconnect', () => process.exit(0));
node.start().then(() => process.send?.('ready'), fail);
