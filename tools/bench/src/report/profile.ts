import { readdir, readFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';

const SHOWN = 40;

/** What of V8's CPU profiles is read here. */
interface CpuProfile {
  /** A tree; the first is its root. */
  readonly nodes: readonly ProfileNode[];
  /** Microseconds of the monotonic clock, which is the same in all processes of a machine. */
  readonly startTime: number;
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

interface ProfileNode {
  readonly id: number;
  readonly callFrame: {
    readonly functionName: string;
    readonly url: string;
    readonly lineNumber: number;
  };
  readonly children?: readonly number[];
}

/**
 * For each process below a folder: the functions in which its time went, itself, most first.
 *
 * @param from what was before does not count, as of `process.hrtime.bigint()`.
 */
export async function summarizeProfiles(
  folder: string,
  root: string,
  from: bigint,
): Promise<string> {
  const fromMicroseconds = Number(from / 1000n);
  const parts: string[] = [];
  for (const name of (await readdir(folder)).sort()) {
    for (const file of await readdir(join(folder, name))) {
      const profile = JSON.parse(await readFile(join(folder, name, file), 'utf8')) as CpuProfile;
      parts.push(`${name}\n${summarize(profile, root, fromMicroseconds)}`);
    }
  }
  return parts.join('\n\n');
}

function summarize(profile: CpuProfile, root: string, fromMicroseconds: number): string {
  const own = selfTimes(profile, fromMicroseconds);
  const self = new Map<string, number>();
  const whole = new Map<string, number>();
  const byId = new Map(profile.nodes.map((node) => [node.id, node]));
  let busy = 0;
  /** Yields the time of a node with everything below it; a function that is on the stack twice counts once. */
  const visit = (node: ProfileNode, above: ReadonlySet<string>): number => {
    const name = frameName(node.callFrame, root);
    if (name.startsWith('(idle)')) return 0;
    const time = own.get(node.id) ?? 0;
    self.set(name, (self.get(name) ?? 0) + time);
    busy += time;
    let total = time;
    const stack = new Set(above).add(name);
    for (const id of node.children ?? []) {
      const child = byId.get(id);
      if (child !== undefined) total += visit(child, stack);
    }
    if (!above.has(name)) whole.set(name, (whole.get(name) ?? 0) + total);
    return total;
  };
  const [top] = profile.nodes;
  if (top !== undefined) visit(top, new Set());
  const ours = new Map([...whole].filter(([name]) => / (apps|libs)\//.test(name)));
  return [
    `  busy ${(busy / 1e6).toFixed(1)} s`,
    ...shares(self, busy),
    '  with what they call:',
    ...shares(ours, busy),
  ].join('\n');
}

/** Microseconds at the top of the stack, by node. */
function selfTimes(profile: CpuProfile, fromMicroseconds: number): Map<number, number> {
  const times = new Map<number, number>();
  let now = profile.startTime;
  for (const [at, id] of profile.samples.entries()) {
    const delta = profile.timeDeltas[at] ?? 0;
    now += delta;
    if (now >= fromMicroseconds) times.set(id, (times.get(id) ?? 0) + delta);
  }
  return times;
}

function shares(times: ReadonlyMap<string, number>, busy: number): string[] {
  return [...times]
    .sort(([, a], [, b]) => b - a)
    .slice(0, SHOWN)
    .map(([name, time]) => `  ${((100 * time) / busy).toFixed(1).padStart(5)} %  ${name}`);
}

function frameName(frame: ProfileNode['callFrame'], root: string): string {
  const path = frame.url.replace('file://', '');
  const place = path.startsWith(root) ? relative(root, path) : path || 'native';
  const shown = place.includes('node_modules') ? join('…', basename(place)) : place;
  return `${frame.functionName || '(anonymous)'}  ${shown}:${frame.lineNumber + 1}`;
}
