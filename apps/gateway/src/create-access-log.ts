import { type Logger } from '@raftway/observability';
import { AccessLog } from './adapters/access-log';
import { type GatewayMetrics } from './adapters/gateway-metrics';
import { type GatewayOptions } from './options';
import { nowMs } from './timing';

/** The access log that the options ask for; undefined when they ask for none. @throws Error when it cannot be opened */
export function createAccessLog(
  options: GatewayOptions,
  logger: Logger,
  metrics: GatewayMetrics,
  random: () => number,
): AccessLog | undefined {
  const { accessLog: target, accessLogLinesMax: linesMax, trustForwarded } = options;
  if (target === undefined) return undefined;
  return new AccessLog({
    ...{ target, linesMax, trustForwarded, logger, nowMs, wallMs: Date.now, random },
    sample: options.accessLogSamplePercent / 100,
    alwaysErrors: options.accessLogErrors,
    onLines: (result, count) => metrics.onAccessLogLines(result, count),
  });
}
