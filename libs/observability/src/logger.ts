import { pino, type Logger as PinoLogger } from 'pino';
import { prettyLine } from './pretty';
import { serializableFields } from './serializable';
import { isTraced } from './tracers';

/** From most to least talkative. */
export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

export const LOG_FORMATS = ['json', 'pretty'] as const;
export type LogFormat = (typeof LOG_FORMATS)[number];

/** Data of a log line; bigint, Error, Map, Set and bytes are written readably. An Error belongs under the key `error`. */
export type LogFields = Readonly<Record<string, unknown>>;

/**
 * What everything logs through. The message is a constant; what varies is in the fields, so that lines can be counted and searched.
 *
 * @example logger.info('lock granted', { name, fencingToken });
 */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  /** For the last line before the process ends. */
  fatal(message: string, fields?: LogFields): void;
  /** A logger that adds fields to each of its lines. */
  child(fields: LogFields): Logger;
  /**
   * A logger for one part of the program, one of {@link TRACERS}, whose debug lines RAFTWAY_TRACE=name turns on without those of other parts.
   * Its lines carry the field `tracer`.
   */
  tracer(name: string): Logger;
  /** Whether debug lines are written: ask before building costly fields. */
  readonly debugEnabled: boolean;
}

/** Optional input of {@link createLogger}. */
export interface LoggerOptions {
  /** Written as the field `name` of each line. */
  readonly name?: string | undefined;
  /** @default 'info' */
  readonly level?: LogLevel | undefined;
  /** @default 'json' */
  readonly format?: LogFormat | undefined;
  /** Names of tracers whose debug lines are written whatever the level; see {@link TRACERS}. @default none */
  readonly trace?: readonly string[] | undefined;
  /** Takes each line with its newline. @default stdout */
  readonly write?: ((line: string) => void) | undefined;
  /** Added to each line. @default none */
  readonly fields?: LogFields | undefined;
}

/** Makes a logger: one JSON object a line on stdout, or lines for people with `format: 'pretty'`. */
export function createLogger(options: LoggerOptions = {}): Logger {
  const { level = 'info', format = 'json', trace = [], fields = {} } = options;
  const sink = options.write ?? ((line: string) => void process.stdout.write(line));
  const write = format === 'pretty' ? (line: string) => sink(prettyLine(line)) : sink;
  const root = pino(
    {
      // Which lines are written is decided in PinoBackedLogger, because tracers pass debug lines at any level.
      level: 'debug',
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write },
  ).child(serializableFields({ ...(options.name ? { name: options.name } : {}), ...fields }));
  return new PinoBackedLogger(root, level, new Set(trace), level === 'debug');
}

/** A logger that writes nothing: the default of libraries, and for specs. */
export function silentLogger(): Logger {
  return SILENT;
}

class PinoBackedLogger implements Logger {
  private readonly threshold: number;
  private readonly target: PinoLogger;

  constructor(
    /** Without the field `tracer`: a tracer of a tracer has one name, not two. */
    private readonly base: PinoLogger,
    private readonly level: LogLevel,
    private readonly traced: ReadonlySet<string>,
    readonly debugEnabled: boolean,
    private readonly tracerName?: string,
  ) {
    this.target = tracerName === undefined ? base : base.child({ tracer: tracerName });
    this.threshold = LOG_LEVELS.indexOf(level);
  }

  debug(message: string, fields: LogFields = {}): void {
    if (this.debugEnabled) this.target.debug(serializableFields(fields), message);
  }

  info(message: string, fields: LogFields = {}): void {
    if (this.threshold <= 1) this.target.info(serializableFields(fields), message);
  }

  warn(message: string, fields: LogFields = {}): void {
    if (this.threshold <= 2) this.target.warn(serializableFields(fields), message);
  }

  error(message: string, fields: LogFields = {}): void {
    this.target.error(serializableFields(fields), message);
  }

  fatal(message: string, fields: LogFields = {}): void {
    this.target.fatal(serializableFields(fields), message);
  }

  child(fields: LogFields): Logger {
    const base = this.base.child(serializableFields(fields));
    const { level, traced, debugEnabled, tracerName } = this;
    return new PinoBackedLogger(base, level, traced, debugEnabled, tracerName);
  }

  tracer(name: string): Logger {
    const enabled = this.level === 'debug' || isTraced(name, this.traced);
    return new PinoBackedLogger(this.base, this.level, this.traced, enabled, name);
  }
}

const nothing = (): void => undefined;

const SILENT: Logger = {
  debug: nothing,
  info: nothing,
  warn: nothing,
  error: nothing,
  fatal: nothing,
  child: () => SILENT,
  tracer: () => SILENT,
  debugEnabled: false,
};
