import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { WORKSPACE } from './suite';

/** Runs a built program of the workspace to its end, with `input` as what somebody types, and yields what it printed. Killed with SIGTERM after `timeoutMs`. */
export async function runProgram(
  file: string,
  args: readonly string[],
  timeoutMs: number,
  input = '',
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = spawn(process.execPath, [join(WORKSPACE, file), ...args], {
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const timer = setTimeout(() => child.kill('SIGTERM'), timeoutMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  return { code, output };
}
