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
  type MetricDeclaration,
  type MetricOptions,
  type Metrics,
} from './metrics';
export { parseTraceNames, TRACERS } from './tracers';
export { recordingSpan, withSpan } from './tracing';
export { CallSpan } from './call-span';
