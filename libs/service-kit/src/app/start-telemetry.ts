import { hostname } from 'node:os';
import {
  readTelemetrySettings,
  type Logger,
  type Metrics,
  type TelemetryWarning,
} from '@raftway/observability';
import type { Environment } from '@raftway/config';
import { nodeIdOfProcess } from '../replica/replica-identity';
import type { ReplicaOptions } from '../replica/replica-options';
import { suiteVersion } from './suite-version';

/** What exports this process's spans and metrics. */
export interface Telemetry {
  /** Sends what is left, within a bound. */
  stop(): Promise<void>;
}

/**
 * Begins to export what the OTEL_* variables ask for (docs/operating/telemetry.md). When that is nothing, the SDK is not even loaded, and this yields
 * undefined.
 *
 * @param name of the app: its service name, unless OTEL_SERVICE_NAME says otherwise.
 * @param options of the app: `instanceId` or `nodeId` tell its instances apart.
 */
export async function startTelemetry(
  name: string,
  options: Readonly<Record<string, unknown>>,
  environment: Environment,
  tools: { readonly logger: Logger; readonly metrics: Metrics },
): Promise<Telemetry | undefined> {
  const warnings: TelemetryWarning[] = [];
  const settings = readTelemetrySettings(environment, (warning) => warnings.push(warning));
  for (const warning of warnings) tools.logger.warn('a variable is not used', { ...warning });
  if (settings === undefined) return undefined;
  const { startSdk } = await import('@raftway/observability/sdk');
  const serviceInstanceId = instanceIdOf(name, options);
  const identity = { serviceName: name, serviceInstanceId, serviceVersion: suiteVersion() };
  return startSdk(settings, identity, tools);
}

/** As it is registered where that is known, so that spans, metrics and `raftway services list` name it alike. */
function instanceIdOf(name: string, options: Readonly<Record<string, unknown>>): string {
  const { instanceId } = options;
  if (typeof instanceId === 'string') return instanceId;
  if ('initialState' in options) {
    return `${name}-${nodeIdOfProcess(name, options as unknown as ReplicaOptions)}`;
  }
  return `${name}-${hostname()}-${process.pid}`;
}
