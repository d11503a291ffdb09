import type { Problem } from '../suite/problem';
import type { Check } from './diagnose';
import type { DirectoryFacts, DiskFacts, ProcessFacts } from './facts';

const MEBIBYTE = 1024 * 1024;
/** A log segment and a snapshot still fit above this. */
const FREE_BYTES_MIN = 64 * MEBIBYTE;
const FREE_BYTES_GOOD = 1024 * MEBIBYTE;
const FREE_FILES_MIN = 1000;
/** A gateway has two open files for each call that it passes on a connection of its own. */
const OPEN_FILES_GOOD = 4096;
const OPEN_FILES_SHARE_MAX = 0.8;

/** Whether each process runs and answers. */
export function checkProcesses(processes: readonly ProcessFacts[]): Check {
  const sound = `all ${processes.length} processes run and answer`;
  const missing = processes.filter(({ isAlive, answers }) => !isAlive && !answers);
  if (missing.length === processes.length) {
    const fact = 'none of its processes runs on this machine';
    const remedy =
      'Start it with npm start, or say where it runs: --data-dir, --registry or --group.';
    const problems: Problem[] = [{ severity: 'error', subject: 'suite', fact, remedy }];
    return { topic: 'processes', sound, problems };
  }
  const problems = processes.flatMap(({ name, isAlive, answers, pid }): Problem[] => {
    if (answers) return [];
    if (isAlive) {
      const fact = `it runs as process ${pid} and does not answer`;
      const remedy = `It starts, hangs or is frozen: look at its log, and at its state with ps -o stat= -p ${pid}.`;
      return [{ severity: 'error', subject: name, fact, remedy }];
    }
    const fact = pid === undefined ? 'it does not run' : `it does not run; it was process ${pid}`;
    const remedy =
      'Look at why it ended in its log. Stop the suite and start it again with npm start.';
    return [{ severity: 'error', subject: name, fact, remedy }];
  });
  return { topic: 'processes', sound, problems };
}

/** Whether each process has its ports, and nobody else. */
export function checkPorts(processes: readonly ProcessFacts[]): Check {
  const problems = processes.flatMap(({ name, isAlive, answers, ports }) =>
    ports.flatMap(({ address, state }): Problem[] => {
      const runs = isAlive || answers;
      if (state === (runs ? 'taken' : 'free')) return [];
      if (state === 'taken') {
        const fact = `${address} is taken by another process, and it does not run`;
        const port = address.slice(address.lastIndexOf(':') + 1);
        const remedy = `Find out who listens there, with ss -ltnp 'sport = :${port}', and stop it; or start the suite beside it with --port-offset 100.`;
        return [{ severity: 'error', subject: name, fact, remedy }];
      }
      if (state === 'free') {
        const fact = `it runs, and does not listen on ${address}`;
        return [{ severity: 'error', subject: name, fact, remedy: 'Look at its log.' }];
      }
      const fact = `${address} cannot be listened on (${state})`;
      const remedy = 'Give it an address of this machine that you may use.';
      return [{ severity: 'error', subject: name, fact, remedy }];
    }),
  );
  return { topic: 'ports', sound: 'nobody else has the ports of the suite', problems };
}

/** Whether data directories can be used. */
export function checkDirectories(directories: readonly DirectoryFacts[]): Check {
  const problems = directories.flatMap(({ path, refused, holder }): Problem[] => {
    if (refused === undefined) return [];
    const fact = `it cannot be read and written (${refused})`;
    const who = holder === undefined ? '' : ` Process ${holder} uses it.`;
    const remedy = `Make it a directory that the replica's user may read and write.${who}`;
    return [{ severity: 'error', subject: path, fact, remedy }];
  });
  const held = directories.filter(({ holder }) => holder !== undefined).length;
  const sound = `${directories.length} data directories can be used, ${held} are in use by a replica`;
  return { topic: 'directories', sound, problems };
}

/** Whether there is room for logs and snapshots. */
export function checkDisks(disks: readonly DiskFacts[]): Check {
  const problems = disks.flatMap(({ path, freeBytes, freeFiles }): Problem[] => {
    const left = `${Math.floor(freeBytes / MEBIBYTE)} MiB are left on its disk`;
    const remedy =
      'Make room. A replica whose disk is full acknowledges nothing, and goes on by itself when there is room.';
    if (freeBytes < FREE_BYTES_MIN) {
      return [{ severity: 'error', subject: path, fact: left, remedy }];
    }
    if (freeFiles !== undefined && freeFiles < FREE_FILES_MIN) {
      const fact = `only ${freeFiles} files can still be made on its disk`;
      return [{ severity: 'error', subject: path, fact, remedy }];
    }
    if (freeBytes >= FREE_BYTES_GOOD) return [];
    return [{ severity: 'warning', subject: path, fact: left, remedy }];
  });
  const sound =
    disks.length === 0
      ? 'there is no data directory yet'
      : 'every data directory has more than 1 GiB of room';
  return { topic: 'disks', sound, problems };
}

/** Whether processes may open the files and sockets that they need. */
export function checkOpenFiles(processes: readonly ProcessFacts[]): Check {
  const problems = processes.flatMap(({ name, openFiles }): Problem[] => {
    if (openFiles === undefined) return [];
    const { used, limit } = openFiles;
    const remedy =
      'Raise the limit where it is started: ulimit -n 65536, or LimitNOFILE= of its unit.';
    if (used > limit * OPEN_FILES_SHARE_MAX) {
      const fact = `it has ${used} files open, and may have ${limit}`;
      return [{ severity: 'error', subject: name, fact, remedy }];
    }
    if (limit >= OPEN_FILES_GOOD) return [];
    const fact = `it may have ${limit} files open, and each connection is one`;
    return [{ severity: 'warning', subject: name, fact, remedy }];
  });
  const isKnown = processes.some(({ openFiles }) => openFiles !== undefined);
  const sound = isKnown
    ? `every process may have ${OPEN_FILES_GOOD} files open or more`
    : 'nothing runs whose limit could be read';
  return { topic: 'open files', sound, problems };
}
