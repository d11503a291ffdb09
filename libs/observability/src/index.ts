export {
  createLogger,
  LOG_FORMATS,
  LOG_LEVELS,
  silentLogger,
  type LogFields,
  type LogFormat,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from './logger';
export {
  createMetrics,
  DURATION_BUCKETS_SECONDS,
  type CounterMetric,
  type GaugeMetric,
  type HistogramMetric,
  type HistogramOptions,
  type Labels,
  type MetricFamily,
  type MetricOptions,
  type MetricSample,
  type Metrics,
} from './metrics';
export { parseTraceNames, TRACERS } from './tracers';
export {
  readTelemetrySettings,
  TELEMETRY_VARIABLES,
  type TelemetrySettings,
  type TelemetryWarning,
} from './telemetry-settings';
export { isTracing, recordingSpan, withSpan } from './tracing';
export { CallSpan, serverErrorType, type TraceFields } from './call-span';
