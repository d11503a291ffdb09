import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { WORKSPACE } from './suite';

/** What a program came to. */
export interface Ran {
  readonly code: number | null;
  /** What it printed on standard output. */
  readonly out: string;
  /** On standard error. */
  readonly error: string;
  /** On either, as it came. */
  readonly output: string;
}

export interface RunSettings {
  /** What somebody types. @default nothing */
  readonly input?: string;
  /** Added to this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
}

/** Runs a built program of the workspace to its end and yields what it printed. Killed with SIGTERM after `timeoutMs`. */
export async function runProgram(
  file: string,
  args: readonly string[],
  timeoutMs: number,
  { input = '', environment = {} }: RunSettings = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [join(WORKSPACE, file), ...args], {
    env: { ...process.env, ...environment },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  child.stdin.end(input);
  let [out, error, output] = ['', '', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
    output += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    error += chunk.toString();
    output += chunk.toString();
  });
  const timer = setTimeout(() => child.kill('SIGTERM'), timeoutMs);
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  clearTimeout(timer);
  return { code, out, error, output };
}
