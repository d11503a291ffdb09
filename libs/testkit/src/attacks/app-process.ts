import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { NODE_FLAGS } from '@raftway/service-kit';

const READY_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 8_000;
const POLL_MS = 50;
const KIBIBYTE = 1024;

/** One built app as a process. */
export class AppProcess {
  private readonly child: ChildProcess;
  private readonly gone: Promise<void>;
  /** How it ended although nobody asked it to; undefined while it runs. */
  end: string | undefined;
  private isStopping = false;

  /** @param directory where `<app>.log` goes, which has all that it prints */
  constructor(
    root: string,
    private readonly app: string,
    readonly directory: string,
    environment: Readonly<Record<string, string>>,
  ) {
    const own = Object.entries(process.env).filter(([key]) => !key.startsWith('RAFTWAY_'));
    const log = openSync(join(directory, `${app}.log`), 'a');
    this.child = spawn(
      process.execPath,
      [...NODE_FLAGS, join(root, 'apps', app, 'dist', 'main.js')],
      {
        env: { ...Object.fromEntries(own), ...environment, RAFTWAY_STOP_WITH_PARENT: 'true' },
        stdio: ['pipe', log, log],
      },
    );
    closeSync(log);
    this.gone = new Promise((resolve) => {
      this.child.once('close', (code, signal) => {
        if (!this.isStopping) this.end = `${app} has ended with ${signal ?? `status ${code}`}`;
        resolve();
      });
    });
  }

  /** Waits until its /readyz says 200. @param http host:port @throws when it ends before, or takes too long */
  async ready(http: string): Promise<void> {
    const giveUpMs = performance.now() + READY_TIMEOUT_MS;
    for (;;) {
      if (this.end !== undefined) throw new Error(`${this.end}; see ${this.directory}`);
      const answer = await fetch(`http://${http}/readyz`).catch(() => undefined);
      if (answer?.status === 200) return;
      if (performance.now() > giveUpMs)
        throw new Error(`${this.app} did not get ready; see ${this.directory}`);
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  /** Resident memory, in bytes. */
  residentBytes(): number {
    const { pid } = this.child;
    if (pid === undefined || this.end !== undefined) return 0;
    if (process.platform === 'linux') {
      const status = readFileSync(`/proc/${pid}/status`, 'latin1');
      return KIBIBYTE * Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
    }
    return KIBIBYTE * Number(execFileSync('ps', ['-o', 'rss=', '-p', String(pid)]).toString());
  }

  async stop(): Promise<void> {
    this.isStopping = true;
    this.child.kill('SIGTERM');
    const timer = setTimeout(() => this.child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    await this.gone;
    clearTimeout(timer);
  }
}
