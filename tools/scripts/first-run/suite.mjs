// `npm start` in a clone, as a terminal runs it.
import { spawn } from 'node:child_process';
import { performance } from 'node:perf_hooks';

const READY = /The suite is ready at (\S+)\./;
const START_TIMEOUT_MS = 15 * 60_000;
const STOP_TIMEOUT_MS = 60_000;

/**
 * Starts the suite, hands it to `work` when it is ready, with how long that took, in milliseconds, and stops it by Ctrl-C. Nothing is left, whatever
 * happens.
 */
export async function withSuite(clone, env, work) {
  const suite = new Suite(clone, env);
  try {
    await work(suite, await suite.ready());
    await suite.interrupt();
  } finally {
    await suite.dispose();
  }
}

class Suite {
  output = '';
  #started = performance.now();
  #process;
  #ended;

  constructor(clone, env) {
    // A process group of its own, so that the interrupt below reaches what a terminal's Ctrl-C reaches.
    this.#process = spawn('npm', ['start'], {
      cwd: clone,
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    });
    this.#ended = new Promise((resolve) => this.#process.once('close', (code) => resolve(code)));
    const keep = (chunk) => {
      this.output += chunk;
      process.stdout.write(chunk);
    };
    this.#process.stdout.on('data', keep);
    this.#process.stderr.on('data', keep);
  }

  get pid() {
    return this.#process.pid;
  }

  /** @returns how long it took, in milliseconds */
  async ready() {
    await until(() => READY.test(this.output) || this.#isOver(), START_TIMEOUT_MS, 'ready');
    if (this.#isOver()) throw new Error(`npm start ended with ${this.#process.exitCode}`);
    return performance.now() - this.#started;
  }

  /** Ctrl-C. */
  async interrupt() {
    process.kill(-this.pid, 'SIGINT');
    await until(() => this.#isOver(), STOP_TIMEOUT_MS, 'over');
    if (!/Stopping: /.test(this.output)) throw new Error('npm start did not say that it stops');
  }

  /** For a finally: nothing is left, whatever happened. */
  async dispose() {
    if (!this.#isOver()) process.kill(-this.pid, 'SIGKILL');
    await this.#ended;
  }

  #isOver() {
    return this.#process.exitCode !== null || this.#process.signalCode !== null;
  }
}

async function until(condition, timeoutMs, what) {
  const deadline = Date.now() + timeoutMs;
  while (!condition()) {
    if (Date.now() > deadline) throw new Error(`not ${what} within ${timeoutMs / 1000} s`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
