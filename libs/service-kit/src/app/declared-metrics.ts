import type { OptionsSchema } from '@raftway/config';
import { createMetrics, silentLogger, type MetricDeclaration } from '@raftway/observability';
import type { z } from 'zod';
import { reportTls } from '../tls/tls-report';
import type { AppContext } from './run-app';

/** A metric of an app, and whether a process without certificates lacks it. */
export interface AppMetric extends MetricDeclaration {
  readonly withTlsOnly: boolean;
}

/** What an app measures: it is made for that, with these options, and never started. */
export async function declaredMetrics<Schema extends OptionsSchema>(
  create: (context: AppContext<z.output<Schema>>) => unknown,
  options: z.output<Schema>,
): Promise<readonly AppMetric[]> {
  const logger = silentLogger();
  const metrics = createMetrics();
  await create({ options, logger, metrics, tls: undefined, environment: {} });
  const always = new Set(metrics.declared().map(({ name }) => name));
  reportTls(logger, metrics);
  return metrics.declared().map((each) => ({ ...each, withTlsOnly: !always.has(each.name) }));
}
