// A lock file between processes, for as long as an install takes.
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const POLL_MS = 500;
/** Taking over a stale lock takes microseconds; a guard older than this was left by a crash. */
const GUARD_STALE_MS = 10_000;

/**
 * Runs `work` while holding the lock. Waits while a living process holds it, calling `onWait(pid)`
 * once a holder, and takes over the lock of a dead one.
 */
export async function withLock(file, work, { onWait }) {
  mkdirSync(path.dirname(file), { recursive: true });
  let told;
  while (!tryCreate(file)) {
    const holder = readHolder(file);
    if (holder !== undefined && !isAlive(holder)) {
      takeOver(file, holder);
      continue;
    }
    if (holder !== undefined && told !== holder.pid) {
      told = holder.pid;
      onWait(holder.pid);
    }
    await sleep(POLL_MS);
  }
  try {
    return await work();
  } finally {
    rmSync(file, { force: true });
  }
}

function tryCreate(file) {
  let descriptor;
  try {
    descriptor = openSync(file, 'wx');
  } catch (error) {
    if (error.code === 'EEXIST') return false;
    throw error;
  }
  writeSync(descriptor, JSON.stringify({ pid: process.pid, started: startOf(process.pid) }));
  closeSync(descriptor);
  return true;
}

/** The holder, `{pid: 0}` for a file that stayed unreadable, undefined while it is being written. */
function readHolder(file) {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch {
    const age = ageMs(file);
    return age !== undefined && age > GUARD_STALE_MS ? { pid: 0 } : undefined;
  }
}

function ageMs(file) {
  return Date.now() - (statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
}

function isAlive({ pid, started }) {
  if (pid === 0) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    return error.code === 'EPERM';
  }
  // The pid lives, but it may belong to a later process.
  return started === undefined || startOf(pid) === started;
}

/** When a process started, in ticks since boot, where /proc tells (proc(5), stat field 22). */
function startOf(pid) {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}

/** Removes a dead holder's lock; the guard keeps two waiters from removing each other's new one. */
function takeOver(file, dead) {
  const guard = `${file}.takeover`;
  try {
    mkdirSync(guard);
  } catch {
    if (ageMs(guard) > GUARD_STALE_MS) rmSync(guard, { recursive: true, force: true });
    return;
  }
  try {
    const holder = readHolder(file);
    if (holder?.pid === dead.pid && !isAlive(holder)) rmSync(file, { force: true });
  } finally {
    rmSync(guard, { recursive: true, force: true });
  }
}
