import { type ChildProcess, fork } from 'node:child_process';
import { join } from 'node:path';

/** The gRPC service of the good traffic. */
export const BYSTANDER_SERVICE = 'attack.Bystander';

/** Its own collections, of which each is a pause in what it measures, are so rare that they are not among the slowest percent. */
const INSTRUMENT_FLAGS = ['--min-semi-space-size=64', '--max-semi-space-size=64'];

/** What good clients have seen since the last report. */
export interface BystanderReport {
  readonly durationsMs: readonly number[];
  /** One line a failed call, the first twenty. */
  readonly failures: readonly string[];
  /** Calls that wait for their answer. */
  readonly open: number;
}

/** Good traffic in a process of its own. */
export class Bystander {
  private constructor(
    private readonly child: ChildProcess,
    /** host:port of its instance. */
    readonly address: string,
  ) {}

  static async start(): Promise<Bystander> {
    const child = fork(join(__dirname, 'bystander-main.js'), { execArgv: INSTRUMENT_FLAGS });
    const { address } = (await nextMessage(child)) as { address: string };
    return new Bystander(child, address);
  }

  /** Calls from now on. */
  begin(gateway: string): void {
    this.child.send({ gateway });
  }

  /** What has happened since the last report, or the beginning. */
  async report(): Promise<BystanderReport> {
    const reply = nextMessage(this.child);
    this.child.send({});
    return (await reply) as BystanderReport;
  }

  async stop(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const ended = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.disconnect();
    await ended;
  }
}

function nextMessage(child: ChildProcess): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onExit = (code: number | null): void =>
      reject(new Error(`the good traffic has ended with code ${code}`));
    child.once('exit', onExit);
    child.once('message', (message) => {
      child.off('exit', onExit);
      resolve(message);
    });
  });
}
