// What a tree of processes keeps of the machine's memory.
import { readdirSync, readFileSync } from 'node:fs';

/**
 * The proportional set size of a process and all that it has started, in bytes: every page that several processes map is counted once in all, so that
 * the executable, which is most of what they share, is not counted for each (`Documentation/filesystems/proc.rst`, smaps_rollup). The sum of their
 * resident set sizes would count it as often as there are processes.
 *
 * @returns undefined where there is no /proc
 */
export function proportionalBytes(pid) {
  if (process.platform !== 'linux') return undefined;
  return treeOf(pid).reduce((sum, one) => {
    const [, kib = '0'] = /^Pss:\s+(\d+) kB$/m.exec(readProc(one, 'smaps_rollup')) ?? [];
    return sum + Number(kib) * 1024;
  }, 0);
}

function treeOf(pid) {
  const parents = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => [Number(name), parentOf(name)]);
  const below = (one) => [
    one,
    ...parents.filter(([, parent]) => parent === one).flatMap(([child]) => below(child)),
  ];
  return below(pid);
}

/** The fourth field; the second is the command's name in parentheses, which may hold anything. */
function parentOf(pid) {
  const stat = readProc(pid, 'stat');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}

/** Nothing of a process that has ended meanwhile. */
function readProc(pid, file) {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
