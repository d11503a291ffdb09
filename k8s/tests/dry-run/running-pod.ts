import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { entryOf } from '../support/app-options';
import type { ApiServer } from './api-server';
import type { PodPlan } from './pod-plan';
import { type Probe, type ProbeName, readProbe, succeeds } from './probe';
import { writeProjectedVolumes } from './projected-volumes';

/** How a container ended. */
export interface Ending {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A kubelet waits ten seconds before the second restart and doubles that; here everything is faster. */
const RESTART_DELAY_MS = 500;
/** How much of a pod's log is kept for the report of a failed test. */
const LOG_CHARACTERS_MAX = 50_000;

/** One pod: its container's process, its probes, and its restarts. */
export class RunningPod {
  isReady = false;
  restarts = 0;
  log = '';
  private child: ChildProcess | undefined;
  private ended: Promise<Ending> | undefined;
  private readonly stopping = new AbortController();
  private life: Promise<Ending> | undefined;

  /**
   * @param namesFile of the sandbox.
   * @param api what the pod finds of the Kubernetes API.
   * @param onReadiness called when `isReady` has changed.
   */
  constructor(
    readonly plan: PodPlan,
    private readonly namesFile: string,
    private readonly api: ApiServer,
    private readonly onReadiness: () => void,
  ) {}

  /** The container's process. @throws Error before start. */
  get pid(): number {
    if (this.child?.pid === undefined) throw new Error(`${this.plan.name} does not run`);
    return this.child.pid;
  }

  start(): void {
    for (const directory of this.plan.mounts.values()) mkdirSync(directory, { recursive: true });
    writeProjectedVolumes(this.plan, this.api);
    this.life = this.live();
  }

  /** SIGTERM, then SIGKILL when the grace period is over; yields how the container ended. */
  async stop(): Promise<Ending | undefined> {
    this.stopping.abort();
    await this.terminate();
    return this.life;
  }

  /** What went on in it, for the report of a failed test. */
  describe(): string {
    const { plan, isReady, restarts, log } = this;
    return `${plan.name} ${plan.ip} ready=${isReady} restarts=${restarts}\n${log.slice(-4000)}`;
  }

  /** Starts the container again whenever it ends: restartPolicy Always. */
  private async live(): Promise<Ending> {
    for (;;) {
      const container = new AbortController();
      const ended = this.run();
      const watched = this.probe(AbortSignal.any([container.signal, this.stopping.signal]));
      const ending = await ended;
      container.abort();
      await watched;
      this.setReady(false);
      if (this.stopping.signal.aborted) return ending;
      this.restarts += 1;
      await pause(RESTART_DELAY_MS, this.stopping.signal);
      if (this.stopping.signal.aborted) return ending;
    }
  }

  private run(): Promise<Ending> {
    const { plan, namesFile } = this;
    const { app } = plan.workload;
    if (app === undefined) throw new Error(`${plan.name} is not one of our apps`);
    const entry = entryOf(app);
    // What the image runs: `node main.js` in the directory of the app.
    const child = spawn(process.execPath, [path.basename(entry)], {
      cwd: path.dirname(entry),
      env: {
        PATH: process.env['PATH'],
        NODE_OPTIONS: `--require ${path.join(__dirname, 'sandbox.cjs')}`,
        RUNNER_SANDBOX: JSON.stringify({ hostname: plan.name, namesFile }),
        ...this.api.environment,
        ...plan.environment,
      },
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      this.log = (this.log + chunk.toString()).slice(-LOG_CHARACTERS_MAX);
    };
    child.stdin.on('error', () => undefined);
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    this.child = child;
    this.ended = new Promise((resolve, reject) => {
      child.once('error', reject);
      child.once('close', (code, signal) => resolve({ code, signal }));
    });
    return this.ended;
  }

  /** Startup first; then readiness and liveness side by side. */
  private async probe(signal: AbortSignal): Promise<void> {
    const started = await this.watch('startupProbe', signal, (good) => good);
    if (signal.aborted) return;
    if (!started) return this.terminate();
    const readiness = this.watch('readinessProbe', signal, (good) => {
      this.setReady(good);
      return false;
    });
    const isAlive = await this.watch('livenessProbe', signal, () => false);
    if (!isAlive && !signal.aborted) await this.terminate();
    await readiness;
  }

  /**
   * Runs a probe again and again until `isEnough` says so, it has failed too often, or the container is gone. Readiness never fails too often:
   * it says so and goes on.
   */
  private async watch(
    name: ProbeName,
    signal: AbortSignal,
    isEnough: (good: boolean) => boolean,
  ): Promise<boolean> {
    const probe: Probe = readProbe(this.plan.workload, name);
    let failures = 0;
    while (!signal.aborted) {
      const good = await succeeds(probe, this.plan.ip);
      if (signal.aborted) return false;
      failures = good ? 0 : failures + 1;
      const hasFailed = failures >= probe.failuresMax;
      if ((good || hasFailed) && isEnough(good)) return true;
      if (hasFailed && name !== 'readinessProbe') return false;
      await pause(probe.periodMs, signal);
    }
    return false;
  }

  private async terminate(): Promise<void> {
    const { child, ended } = this;
    if (child === undefined || ended === undefined) return;
    child.kill('SIGTERM');
    const graceMs = Number(this.plan.workload.pod['terminationGracePeriodSeconds'] ?? 30) * 1000;
    const timer = setTimeout(() => child.kill('SIGKILL'), graceMs);
    await ended;
    clearTimeout(timer);
  }

  private setReady(isReady: boolean): void {
    if (this.isReady === isReady) return;
    this.isReady = isReady;
    this.onReadiness();
  }
}

/** Waits, or until aborted. */
async function pause(timeMs: number, signal: AbortSignal): Promise<void> {
  await delay(timeMs, undefined, { signal }).catch(() => undefined);
}
