/*
 * What the standard variables of the OpenTelemetry specification ask this process to export. Reading them loads no SDK: whoever asks for nothing
 * pays for nothing. As the specification wants it, a value that is none is reported and then treated as not set: telemetry keeps no process from
 * starting.
 */

/** The variables that are read, with what they mean to us; headers, time-outs, certificates and compression are the exporters' own. */
export const TELEMETRY_VARIABLES: Readonly<Record<string, string>> = {
  OTEL_SDK_DISABLED: '`true` turns everything off.',
  OTEL_EXPORTER_OTLP_ENDPOINT:
    'Where spans go by OTLP over HTTP, such as `http://collector:4318`; without one nothing is exported.',
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'The same for spans alone, with its path.',
  OTEL_EXPORTER_OTLP_METRICS_ENDPOINT: 'The same for metrics alone, with its path.',
  OTEL_EXPORTER_OTLP_PROTOCOL: '`http/protobuf` or `http/json`.',
  OTEL_EXPORTER_OTLP_TRACES_PROTOCOL: 'The same for spans alone.',
  OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'The same for metrics alone.',
  OTEL_EXPORTER_OTLP_HEADERS: 'Sent with each export: `key=value,key=value`.',
  OTEL_EXPORTER_OTLP_TIMEOUT: 'How long one export may take, in milliseconds.',
  OTEL_EXPORTER_OTLP_COMPRESSION: '`gzip` or `none`.',
  OTEL_EXPORTER_OTLP_CERTIFICATE:
    'PEM file of the authority that the collector’s certificate is from.',
  OTEL_TRACES_EXPORTER: '`otlp`, or `none`.',
  OTEL_METRICS_EXPORTER: '`otlp` sends metrics, too; `/metrics` is there in any case.',
  OTEL_SERVICE_NAME: 'Name of the service; the app’s by default.',
  OTEL_RESOURCE_ATTRIBUTES: 'More about the process: `key=value,key=value`.',
  OTEL_TRACES_SAMPLER: 'Which traces that begin here are kept.',
  OTEL_TRACES_SAMPLER_ARG: 'The share that a ratio sampler keeps, 0 to 1.',
  OTEL_BSP_SCHEDULE_DELAY: 'Spans are sent this often, in milliseconds.',
  OTEL_BSP_EXPORT_TIMEOUT: 'How long sending a batch of spans may take, in milliseconds.',
  OTEL_BSP_MAX_QUEUE_SIZE: 'Ended spans that wait at most; further ones are dropped.',
  OTEL_BSP_MAX_EXPORT_BATCH_SIZE: 'Spans in one batch.',
  OTEL_METRIC_EXPORT_INTERVAL: 'Metrics are sent this often, in milliseconds.',
  OTEL_METRIC_EXPORT_TIMEOUT: 'How long sending them may take, in milliseconds.',
};

const PROTOCOLS = ['http/protobuf', 'http/json'] as const;
export type OtlpProtocol = (typeof PROTOCOLS)[number];

const SAMPLERS = [
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
  'always_on',
  'always_off',
  'traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

export interface TraceSettings {
  readonly protocol: OtlpProtocol;
  readonly sampler: SamplerName;
  /** The share of traces that a ratio sampler keeps, 0 to 1. */
  readonly ratio: number;
  readonly delayMs: number;
  readonly exportTimeoutMs: number;
  readonly queueSpansMax: number;
  readonly batchSpansMax: number;
}

export interface MetricSettings {
  readonly protocol: OtlpProtocol;
  readonly intervalMs: number;
  readonly exportTimeoutMs: number;
}

/** What is exported; undefined is not. */
export interface TelemetrySettings {
  readonly traces: TraceSettings | undefined;
  readonly metrics: MetricSettings | undefined;
}

/** A variable whose value is not used. */
export interface TelemetryWarning {
  readonly variable: string;
  readonly value: string;
  /** What it would have to be. */
  readonly expected: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** What the environment asks for; undefined when nothing is to be exported. @param warn is told of values that are not used. */
export function readTelemetrySettings(
  environment: Environment,
  warn: (warning: TelemetryWarning) => void,
): TelemetrySettings | undefined {
  const reader = new VariableReader(environment, warn);
  if (reader.text('OTEL_SDK_DISABLED')?.toLowerCase() === 'true') return undefined;
  const traces = readTraces(reader);
  const metrics = readMetrics(reader);
  return traces === undefined && metrics === undefined ? undefined : { traces, metrics };
}

function readTraces(reader: VariableReader): TraceSettings | undefined {
  if (!reader.hasEndpoint('TRACES')) return undefined;
  if (reader.choice('OTEL_TRACES_EXPORTER', ['otlp', 'none']) === 'none') return undefined;
  return {
    protocol: reader.protocol('TRACES'),
    sampler: reader.choice('OTEL_TRACES_SAMPLER', SAMPLERS),
    ratio: reader.number('OTEL_TRACES_SAMPLER_ARG', 1, {
      fits: (value) => value >= 0 && value <= 1,
      expected: 'a number from 0 to 1',
    }),
    delayMs: reader.whole('OTEL_BSP_SCHEDULE_DELAY', 5000),
    exportTimeoutMs: reader.whole('OTEL_BSP_EXPORT_TIMEOUT', 30_000),
    queueSpansMax: reader.whole('OTEL_BSP_MAX_QUEUE_SIZE', 2048),
    batchSpansMax: reader.whole('OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512),
  };
}

/** Off unless asked for: whoever scrapes `/metrics` would have everything twice. */
function readMetrics(reader: VariableReader): MetricSettings | undefined {
  if (reader.choice('OTEL_METRICS_EXPORTER', ['none', 'otlp', 'prometheus']) !== 'otlp') {
    return undefined;
  }
  if (!reader.hasEndpoint('METRICS')) return undefined;
  const intervalMs = reader.whole('OTEL_METRIC_EXPORT_INTERVAL', 60_000);
  const exportTimeoutMs = reader.whole('OTEL_METRIC_EXPORT_TIMEOUT', 30_000);
  return {
    protocol: reader.protocol('METRICS'),
    intervalMs,
    exportTimeoutMs: Math.min(exportTimeoutMs, intervalMs),
  };
}

class VariableReader {
  constructor(
    private readonly environment: Environment,
    private readonly warn: (warning: TelemetryWarning) => void,
  ) {}

  /** Empty is not set. */
  text(variable: string): string | undefined {
    const value = this.environment[variable]?.trim();
    return value === '' ? undefined : value;
  }

  /** The first choice is the default. */
  choice<const Choice extends string>(variable: string, choices: readonly Choice[]): Choice {
    const value = this.text(variable);
    const chosen = choices.find((choice) => choice === value);
    if (chosen !== undefined) return chosen;
    if (value !== undefined) this.refuse(variable, value, `one of ${choices.join(', ')}`);
    return choices[0] as Choice;
  }

  number(
    variable: string,
    otherwise: number,
    rule: { readonly fits: (value: number) => boolean; readonly expected: string },
  ): number {
    const value = this.text(variable);
    if (value === undefined) return otherwise;
    if (rule.fits(Number(value))) return Number(value);
    this.refuse(variable, value, rule.expected);
    return otherwise;
  }

  whole(variable: string, otherwise: number): number {
    return this.number(variable, otherwise, {
      fits: (value) => Number.isSafeInteger(value) && value > 0,
      expected: 'a whole number above 0',
    });
  }

  protocol(signal: 'TRACES' | 'METRICS'): OtlpProtocol {
    const own = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
    const variable = this.text(own) === undefined ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : own;
    return this.choice(variable, PROTOCOLS);
  }

  hasEndpoint(signal: 'TRACES' | 'METRICS'): boolean {
    const own = `OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`;
    const variable = this.text(own) === undefined ? 'OTEL_EXPORTER_OTLP_ENDPOINT' : own;
    const value = this.text(variable);
    if (value === undefined) return false;
    const isHttp = URL.canParse(value) && /^https?:$/.test(new URL(value).protocol);
    if (!isHttp) this.refuse(variable, value, 'a URL such as http://collector:4318');
    return isHttp;
  }

  private refuse(variable: string, value: string, expected: string): void {
    this.warn({ variable, value, expected });
  }
}
