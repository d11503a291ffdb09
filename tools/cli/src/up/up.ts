import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describeEnding, ManagedProcess } from './managed-process';
import { checkBuilt, checkPorts, prepareDataDir, UpError } from './preflight';
import { addressTable, exampleCalls } from './presentation';
import { isServing, isWell } from './readiness';
import { gatewayAddress, planSuite, routedServices, type SuiteOptions, type Tier } from './suite';

/** Options of {@link up}. */
export interface UpOptions extends SuiteOptions {
  /** Forget the state of earlier runs. */
  readonly fresh: boolean;
  /** Show the processes' log lines. */
  readonly logs: boolean;
  /** Variables that every process gets besides what it may have from outside. */
  readonly environment: NodeJS.ProcessEnv;
  /** How long the suite may take to become ready, in milliseconds. */
  readonly readyTimeoutMs: number;
}

const POLL_INTERVAL_MS = 100;
/** Longer than a process's own drain delay and drain timeout together. */
const STOP_TIMEOUT_MS = 20_000;
const TIERS: readonly Tier[] = [0, 1, 2, 3];

/**
 * Starts the suite, shows it, and stops it when told to.
 *
 * @returns the exit code: 0 when everything drained, 1 when something had to be killed or had ended by itself.
 * @throws UpError when it cannot start, after everything that was started has been stopped.
 */
export async function up(options: UpOptions, stopRequested: AbortSignal): Promise<number> {
  const plans = planSuite(options);
  checkBuilt(plans);
  await checkPorts(plans);
  prepareDataDir(options.dataDir, options.replicas, options.fresh);

  const width = Math.max(...plans.map((plan) => plan.name.length));
  const onLine = (name: string, line: string): void => {
    if (options.logs) write(`${name.padEnd(width)} │ ${line}`);
  };
  write(`Starting ${plans.length} processes; their state is in ${options.dataDir}.`);
  const environment = { ...inheritedEnvironment(), ...options.environment };
  const processes = plans.map((plan) => new ManagedProcess(plan, environment, onLine));
  // Whatever ends this process early (a second Ctrl-C, a bug) leaves nobody behind.
  process.once('exit', () => processes.forEach((one) => one.signal('SIGKILL')));
  try {
    await becomeReady(processes, options, stopRequested);
  } catch (error) {
    await stopAll(processes);
    throw error;
  }
  if (!stopRequested.aborted) {
    announce(processes, options);
    watchEndings(processes, stopRequested);
    await aborted(stopRequested);
  }
  write(
    'Stopping: calls that were accepted are finished first. Ctrl-C again ends everything at once.',
  );
  return (await stopAll(processes)) ? 0 : 1;
}

/**
 * What every process may have from outside; other options are the suite's to set, and a stray one would stop the process that does not know it. OTEL_* is for all
 * of them, but for the name of one service.
 */
function inheritedEnvironment(): NodeJS.ProcessEnv {
  const common = /^RAFTWAY_(LOG_LEVEL|LOG_FORMAT|TRACE)$/;
  const inherited = Object.entries(process.env).filter(
    ([name]) => (!name.startsWith('RAFTWAY_') || common.test(name)) && name !== 'OTEL_SERVICE_NAME',
  );
  return { RAFTWAY_LOG_FORMAT: 'pretty', ...Object.fromEntries(inherited) };
}

async function becomeReady(
  processes: readonly ManagedProcess[],
  options: UpOptions,
  stopRequested: AbortSignal,
): Promise<void> {
  const deadline = performance.now() + options.readyTimeoutMs;
  let ready = 0;
  const started = performance.now();
  const waitFor = async (what: string, probe: () => Promise<boolean>): Promise<void> => {
    while (!stopRequested.aborted) {
      const ended = processes.find((one) => one.endedWith !== undefined);
      if (ended?.endedWith !== undefined) {
        throw new UpError(`${ended.plan.name} ${describeEnding(ended.endedWith)}`);
      }
      if (await probe()) return;
      if (performance.now() > deadline) {
        throw new UpError(
          `${what} was not ready within ${options.readyTimeoutMs / 1000} s: look at its log lines above, or give it longer with --ready-timeout.`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_INTERVAL_MS));
    }
  };
  // What must be callable through the gateway before the suite calls itself ready.
  const routed = routedServices(options);
  const steps = processes.length + routed.length;
  const progress = (what: string): void => {
    if (stopRequested.aborted) return;
    ready += 1;
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    write(`[${String(ready).padStart(2)}/${steps}] ${what} (${seconds} s)`);
  };
  await Promise.all(
    processes.map(async ({ plan }) => {
      await waitFor(plan.name, () => isWell(plan.httpAddress, 'readyz'));
      progress(`${plan.name} is ready`);
    }),
  );
  const gateway = gatewayAddress(options);
  await Promise.all(
    routed.map(async (service) => {
      await waitFor(`${service} behind the gateway`, () => isServing(gateway, service));
      progress(`${service} answers through the gateway`);
    }),
  );
}

function announce(processes: readonly ManagedProcess[], options: UpOptions): void {
  const state = processes.map(({ plan, pid }) => ({ ...plan, pid, command: process.execPath }));
  writeFileSync(join(options.dataDir, 'up.json'), `${JSON.stringify(state, undefined, 2)}\n`);
  write('');
  write(addressTable(processes));
  write('');
  write('Call it (each line as it is; `buf curl` works too, see the README):');
  write('');
  write(exampleCalls(gatewayAddress(options)));
  write('');
  write(`The suite is ready at ${gatewayAddress(options)}. Ctrl-C stops it.`);
}

/** Nothing is restarted: a process that ends by itself is a fact that its owner should see. */
function watchEndings(processes: readonly ManagedProcess[], stopRequested: AbortSignal): void {
  for (const one of processes) {
    void one.ended.then((ending) => {
      if (stopRequested.aborted) return;
      write(`${one.plan.name} ${describeEnding(ending)}. It is not restarted.`);
    });
  }
}

/** Stops tier after tier. False when a process had to be killed, or did not end with exit code 0. */
async function stopAll(processes: readonly ManagedProcess[]): Promise<boolean> {
  let clean = true;
  for (const tier of TIERS) {
    await Promise.all(
      processes
        .filter((one) => one.plan.tier === tier)
        .map(async (one) => {
          const inTime = await one.stop(STOP_TIMEOUT_MS);
          const ending = await one.ended;
          if (inTime && ending.code === 0) return;
          clean = false;
          const how = inTime ? describeEnding(ending) : 'did not drain in time and was killed';
          write(`${one.plan.name} ${how}.`);
        }),
    );
  }
  return clean;
}

function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return Promise.resolve();
  return new Promise((resolve) =>
    signal.addEventListener('abort', () => resolve(), { once: true }),
  );
}

function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
