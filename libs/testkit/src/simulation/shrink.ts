import { FAULT_KINDS } from './nemesis';
import type { FailedRun, SimulationOptions } from './simulation';

/** Runs once. @returns how it failed, if it did. */
export type TryRun = (options: SimulationOptions) => Promise<FailedRun | undefined>;

/** The smallest run that was found. */
export interface Shrunk {
  readonly options: SimulationOptions;
  readonly failed: FailedRun;
  /** Faults of the nemesis that are left. */
  readonly faultsLeft: number;
  readonly runs: number;
}

/** What can be switched off as a whole. */
const KINDS = ['lasting', 'priorities', 'loss', 'duplication', 'lateness', ...FAULT_KINDS] as const;

/** Below this a run does not become easier to read. */
const FAULTY_MS_MIN = 200;

/**
 * Looks for a smaller run that breaks the same property: without whole kinds of faults, then without single faults (halves first: A. Zeller and R. Hildebrandt,
 * "Simplifying and isolating failure-inducing input", 2002), and shorter. A fault that is left out changes nothing of the others' times and numbers, though of
 * course everything that follows from it.
 *
 * @param mayGoOn asked before every run; what was found until then is the answer.
 */
export async function shrink(
  options: SimulationOptions,
  failed: FailedRun,
  tryRun: TryRun,
  mayGoOn: () => boolean,
): Promise<Shrunk> {
  const shrinker = new Shrinker(options, failed, tryRun, mayGoOn);
  await shrinker.shorten();
  await shrinker.dropKinds();
  await shrinker.dropFaults();
  await shrinker.shorten();
  return shrinker.result();
}

class Shrinker {
  private runs = 0;

  constructor(
    private best: SimulationOptions,
    private failed: FailedRun,
    private readonly tryRun: TryRun,
    private readonly mayGoOn: () => boolean,
  ) {}

  result(): Shrunk {
    const { best: options, failed, runs } = this;
    return { options, failed, faultsLeft: this.present().length, runs };
  }

  /** Faults that come after the failure are not needed; of those before it, perhaps only the first half. */
  async shorten(): Promise<void> {
    const length = (): number => this.best.faultyMs ?? 6000;
    // A run that met too little goes on for longer than asked for, and a reduced one does not: say how long it was.
    const until = Math.ceil(this.failed.faultyUntilMs);
    if (until !== length()) await this.accept({ ...this.best, faultyMs: until });
    while (length() / 2 >= FAULTY_MS_MIN) {
      const faultyMs = Math.floor(length() / 2);
      if (!(await this.accept({ ...this.best, faultyMs }))) return;
    }
  }

  async dropKinds(): Promise<void> {
    for (const kind of KINDS) {
      const without = this.best.without ?? [];
      if (without.includes(kind)) continue;
      await this.accept({ ...this.best, without: [...without, kind] });
    }
  }

  async dropFaults(): Promise<void> {
    for (let size = Math.ceil(this.present().length / 2); size >= 1; size = Math.floor(size / 2)) {
      const present = this.present();
      for (let at = 0; at < present.length; at += size) {
        const dropped = [...(this.best.dropped ?? []), ...present.slice(at, at + size)];
        await this.accept({ ...this.best, dropped: dropped.sort((a, b) => a - b) });
      }
    }
  }

  /** The numbers of the faults that still happen before the failure. */
  private present(): number[] {
    const { without = [], dropped = [] } = this.best;
    const numbers = this.failed.faults.map((_kind, offset) => offset + 1);
    return numbers.filter((number) => {
      const kind = this.failed.faults[number - 1] as string;
      return !without.includes(kind) && !dropped.includes(number);
    });
  }

  private async accept(candidate: SimulationOptions): Promise<boolean> {
    if (!this.mayGoOn()) return false;
    this.runs += 1;
    const failed = await this.tryRun(candidate);
    if (failed === undefined || propertyOf(failed) !== propertyOf(this.failed)) return false;
    this.best = candidate;
    this.failed = failed;
    return true;
  }
}

/** Which property a run broke, whoever and whatever it broke it with. */
export function propertyOf({ finding }: FailedRun): string {
  return (finding.split('\n')[0] as string)
    .replace(/(?<=\d+ ms after the last fault\.).*/, '')
    .replace(/\d+(\.\d+)?/g, '#');
}
