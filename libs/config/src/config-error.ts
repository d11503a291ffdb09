/** One thing that is wrong with the configuration. */
export interface ConfigProblem {
  /** Where it was read: a variable's name, or `file:line`. */
  readonly where: string;
  readonly message: string;
}

const BRAND = Symbol.for('@raftway/config/ConfigError');

/** The configuration is not usable. Names everything that is wrong with it, so that one run is enough to correct it all. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];
  readonly [BRAND] = true;

  constructor(problems: readonly ConfigProblem[]) {
    const lines = problems.map(({ where, message }) => `${where} ${message}`);
    super(lines.length === 1 ? lines.join() : `${lines.length} problems:\n  ${lines.join('\n  ')}`);
    this.name = 'ConfigError';
    this.problems = problems;
  }

  static override [Symbol.hasInstance](value: unknown): boolean {
    if (typeof value !== 'object' || value === null) return false;
    return (value as { [BRAND]?: unknown })[BRAND] === true;
  }
}
