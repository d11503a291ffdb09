import { boolean, durationMs, hostPort, nearest, oneOf, text } from '@raftway/config';
import type { ClientAuth } from '@raftway/tls';
import { LOG_FORMATS, LOG_LEVELS, parseTraceNames, TRACERS } from '@raftway/observability';
import { tlsOptionsShape } from '../tls/tls-options';

/** Where a service listens inside its container; the ports of ARCHITECTURE.md. */
export interface ServerOptionDefaults {
  /** `host:port` of the gRPC server, such as `127.0.0.1:50071`. */
  readonly bind: string;
  /** @default 127.0.0.1:9464 */
  readonly httpBind?: string;
  /** Of RAFTWAY_TLS_CLIENT_AUTH. @default require */
  readonly tlsClientAuth?: ClientAuth;
}

/**
 * The options that every server has; spread them into the app's schema.
 *
 * @example const schema = z.object({ ...serverOptionsShape({ bind: '127.0.0.1:50051' }), greeting: text().default('Hello') });
 */
export function serverOptionsShape(defaults: ServerOptionDefaults) {
  return {
    bind: hostPort().default(defaults.bind).describe('Where the gRPC server listens.'),
    advertise: hostPort()
      .optional()
      .describe('The address that is registered.')
      .meta({ defaultText: 'the bound address' }),
    httpBind: hostPort()
      .default(defaults.httpBind ?? '127.0.0.1:9464')
      .describe('Where `/metrics`, `/livez` and `/readyz` are served.'),
    ...tlsOptionsShape(defaults.tlsClientAuth ?? 'require'),
    drainDelayMs: durationMs()
      .default(1000)
      .describe('Wait between NOT_SERVING and refusing calls.'),
    drainTimeoutMs: durationMs()
      .default(10_000)
      .describe('How long accepted calls may take to finish.'),
    stopWithParent: boolean()
      .default(false)
      .describe('Drain when standard input closes, which says that the parent process has gone.'),
    logLevel: oneOf(LOG_LEVELS).default('info').describe('The least urgent lines that are logged.'),
    logFormat: oneOf(LOG_FORMATS)
      .default('json')
      .describe('One JSON object a line, or lines for people.'),
    trace: traceNames()
      .optional()
      .describe('Parts whose debug lines are logged at any level, separated by commas, or `all`.'),
  };
}

/** Names of tracers; docs/reference/traces.md lists them. */
function traceNames() {
  const names = Object.keys(TRACERS);
  return text().superRefine((value, context) => {
    for (const name of parseTraceNames(value)) {
      if (names.includes(name)) continue;
      const message = `names ${name}, which is no part; the nearest is ${nearest(name, names) ?? 'none'}`;
      context.addIssue({ code: 'custom', message });
    }
  });
}
