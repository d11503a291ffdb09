import { setLogger } from '@grpc/grpc-js';
import {
  ConfigError,
  formatOptionsHelp,
  loadOptions,
  type Environment,
  type OptionsSchema,
} from '@raftway/config';
import {
  createLogger,
  createMetrics,
  LOG_FORMATS,
  LOG_LEVELS,
  parseTraceNames,
  TELEMETRY_VARIABLES,
  type Logger,
  type Metrics,
} from '@raftway/observability';
import type { ServerTls } from '@raftway/tls';
import type { z } from 'zod';
import { warnOfExposure } from '../tls/exposure';
import { openTls } from '../tls/open-tls';
import type { TlsOptions } from '../tls/tls-options';
import { startTelemetry, type Telemetry } from './start-telemetry';

/** What runApp starts and stops. */
export interface App {
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** What an app is made from. */
export interface AppContext<Options> {
  readonly options: Options;
  readonly logger: Logger;
  readonly metrics: Metrics;
  /** Undefined without certificates: plaintext. */
  readonly tls: ServerTls | undefined;
  readonly environment: Environment;
}

/** The two things that differ between apps. */
export interface AppDefinition<Schema extends OptionsSchema> {
  /** Includes serverOptionsShape, from which the log level, format, trace and TLS are taken. */
  readonly schema: Schema;
  readonly create: (context: AppContext<z.output<Schema>>) => App | Promise<App>;
  /** One sentence at the top of --help. */
  readonly summary?: string | undefined;
}

/** The part of `process` that an app's life depends on. */
export interface AppProcess {
  readonly argv: readonly string[];
  readonly env: Environment;
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly stdin?: { on(event: 'end', listener: () => void): unknown; resume(): unknown };
  on(event: string, listener: (value: unknown) => void): unknown;
  exit(code: number): void;
}

/** How a process ends; 78 is EX_CONFIG of sysexits.h. */
export const ExitCode = { drained: 0, failed: 1, badConfiguration: 78 } as const;

/**
 * Runs an app as this process: `--help` prints the options, bad configuration exits with 78, a failed start or an error nobody caught
 * with 1. SIGTERM and SIGINT stop it once, and then exit with 0; a second one exits at once.
 *
 * @example void runApp('greeter', { schema, create: ({ options, logger, metrics }) => createGreeterApp({ ...options, logger, metrics }) });
 */
export async function runApp<Schema extends OptionsSchema>(
  name: string,
  definition: AppDefinition<Schema>,
  host: AppProcess = process,
): Promise<void> {
  const [, , ...words] = host.argv;
  if (words.includes('--help') || words.includes('-h')) {
    host.stdout.write(helpText(name, definition));
    host.exit(ExitCode.drained);
    return;
  }
  if (words.length > 0) {
    host.stderr.write(`${name} takes no arguments but --help, got ${words.join(' ')}\n`);
    host.exit(ExitCode.badConfiguration);
    return;
  }
  const options = readOptions(name, definition.schema, host);
  if (options === undefined) return;
  const logger = appLogger(name, options, host);
  routeGrpcLog(logger);
  const stopWithParent = options['stopWithParent'] === true;
  await new AppRun(name, host, logger, stopWithParent).run(async () => {
    const metrics = createMetrics();
    const telemetry = await startTelemetry(name, options, host.env, { logger, metrics });
    // The schema has these where it includes serverOptionsShape, and specs may do without.
    const tls = await openTls(options as unknown as TlsOptions, { logger, metrics });
    warnOfExposure(options, tls !== undefined, logger);
    const app = await definition.create({
      ...{ options, logger, metrics, tls },
      environment: host.env,
    });
    return telemetry === undefined ? app : withTelemetry(app, telemetry);
  });
}

/** What an app does while it stops is exported, too. */
function withTelemetry(app: App, telemetry: Telemetry): App {
  return {
    start: () => app.start(),
    stop: () => app.stop().finally(() => telemetry.stop()),
  };
}

function helpText(name: string, { schema, summary }: AppDefinition<OptionsSchema>): string {
  const about = summary === undefined ? '' : `${summary}\n\n`;
  return `${about}Usage: ${name} [--help]

Options are environment variables, or the same keys in the YAML file that RAFTWAY_CONFIG_FILE names
(RAFTWAY_LOG_LEVEL is logLevel). Durations read 250ms, 10s, 5m, 1h.

${formatOptionsHelp(schema)}

Spans and metrics are exported as the standard variables of OpenTelemetry say:

${telemetryHelp()}
`;
}

function telemetryHelp(): string {
  return Object.entries(TELEMETRY_VARIABLES)
    .map(([variable, meaning]) => `  ${variable}\n      ${meaning}`)
    .join('\n');
}

function readOptions<Schema extends OptionsSchema>(
  name: string,
  schema: Schema,
  host: AppProcess,
): z.output<Schema> | undefined {
  try {
    return loadOptions({ schema, environment: host.env });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    host.stderr.write(`${name} cannot start: ${error.message}\n`);
    host.exit(ExitCode.badConfiguration);
    return undefined;
  }
}

function appLogger(name: string, options: Record<string, unknown>, host: AppProcess): Logger {
  const { logLevel, logFormat, trace } = options;
  return createLogger({
    name,
    level: LOG_LEVELS.find((level) => level === logLevel),
    format: LOG_FORMATS.find((format) => format === logFormat),
    trace: parseTraceNames(typeof trace === 'string' ? trace : undefined),
    write: (line) => void host.stdout.write(line),
  });
}

/** grpc-js writes to the console; its lines belong into the log like all others. */
function routeGrpcLog(logger: Logger): void {
  const grpcLogger = logger.tracer('grpc');
  const text = (parts: unknown[]): { text: string } => ({ text: parts.map(String).join(' ') });
  setLogger({
    error: (...parts: unknown[]) => grpcLogger.warn('grpc-js reports', text(parts)),
    info: (...parts: unknown[]) => grpcLogger.debug('grpc-js reports', text(parts)),
    debug: (...parts: unknown[]) => grpcLogger.debug('grpc-js reports', text(parts)),
  });
}

/** One process's life: start, signal, stop, exit. */
class AppRun {
  private app: App | undefined;
  private stopping = false;

  constructor(
    private readonly name: string,
    private readonly host: AppProcess,
    private readonly logger: Logger,
    private readonly stopWithParent: boolean,
  ) {}

  async run(create: () => Promise<App>): Promise<void> {
    for (const signal of ['SIGTERM', 'SIGINT']) this.host.on(signal, () => this.onSignal(signal));
    if (this.stopWithParent) {
      this.host.stdin?.on('end', () => this.onParentGone());
      this.host.stdin?.resume();
    }
    for (const event of ['uncaughtException', 'unhandledRejection']) {
      this.host.on(event, (error) => {
        this.logger.fatal('nobody caught an error', { event, error });
        this.host.exit(ExitCode.failed);
      });
    }
    try {
      this.app = await create();
      // A signal may have come while the app was made.
      if (this.stopping) return await this.stop();
      await this.app.start();
    } catch (error) {
      // A start that a stop cut short is no failure.
      if (this.stopping) return;
      this.logger.fatal('the app cannot start', { error });
      const reason = error instanceof Error ? error.message : String(error);
      this.host.stderr.write(`${this.name} cannot start: ${reason}\n`);
      this.host.exit(error instanceof ConfigError ? ExitCode.badConfiguration : ExitCode.failed);
    }
  }

  private onSignal(signal: string): void {
    if (this.stopping) {
      this.logger.warn('second signal, exiting at once', { signal });
      this.host.exit(ExitCode.failed);
      return;
    }
    this.stopping = true;
    this.logger.info('stopping', { signal });
    if (this.app !== undefined) void this.stop();
  }

  /** Like a signal, but never the second one: a parent that has sent SIGTERM may go while we drain. */
  private onParentGone(): void {
    if (!this.stopping) this.onSignal('parent gone');
  }

  private async stop(): Promise<void> {
    try {
      await this.app?.stop();
      this.host.exit(ExitCode.drained);
    } catch (error) {
      this.logger.fatal('the app did not stop well', { error });
      this.host.exit(ExitCode.failed);
    }
  }
}
