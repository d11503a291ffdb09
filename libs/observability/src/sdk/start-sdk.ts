/*
 * The OpenTelemetry SDK of an app. Everything else speaks to the API only, which does nothing until an SDK registers with it; this folder is an entry
 * of its own, so that a process that exports nothing does not even load it (ADR 024).
 */
import { setTimeout as delay } from 'node:timers/promises';
import { context, diag, DiagLogLevel, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPMetricExporter as JsonMetricExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter as JsonTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  type Resource,
} from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
  type Sampler,
} from '@opentelemetry/sdk-trace';
import type { Logger } from '../logger';
import type { Metrics } from '../metrics';
import type { MetricSettings, TelemetrySettings, TraceSettings } from '../telemetry-settings';
import { PrometheusProducer } from './prometheus-producer';

/** What the process says of itself, unless OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES say otherwise. */
export interface TelemetryIdentity {
  readonly serviceName: string;
  readonly serviceInstanceId: string;
  readonly serviceVersion: string;
}

/** A registered SDK. */
export interface RunningSdk {
  /** Sends what is still here, for at most {@link FLUSH_TIMEOUT_MS}, and ends. */
  stop(): Promise<void>;
}

/** An end is never held up for longer by a collector that does not answer. */
const FLUSH_TIMEOUT_MS = 2000;

/** Registers an SDK with the API of this process and begins to export. */
export function startSdk(
  { traces, metrics }: TelemetrySettings,
  identity: TelemetryIdentity,
  { logger, metrics: source }: { readonly logger: Logger; readonly metrics: Metrics },
): RunningSdk {
  reportTo(logger);
  const resource = resourceOf(identity);
  const providers = [
    ...(traces === undefined ? [] : [startTraces(traces, resource)]),
    ...(metrics === undefined ? [] : [startMetrics(metrics, resource, source)]),
  ];
  logger.info('telemetry is exported', { ...(traces && { traces }), ...(metrics && { metrics }) });
  return {
    stop: async () => {
      const timer = new AbortController();
      const timedOut = delay(FLUSH_TIMEOUT_MS, 'timedOut' as const, {
        signal: timer.signal,
      }).catch(() => 'timedOut' as const);
      const ended = await Promise.race([
        Promise.allSettled(providers.map((provider) => provider.shutdown())),
        timedOut,
      ]);
      if (ended === 'timedOut') {
        logger.warn('the last of telemetry was not taken in time', {
          timeoutMs: FLUSH_TIMEOUT_MS,
        });
      } else {
        for (const result of ended) {
          if (result.status === 'rejected') {
            logger.warn('telemetry was not exported', { error: result.reason as unknown });
          }
        }
      }
      timer.abort();
    },
  };
}

/** The SDK reports through globals of its own, by default to the console. */
function reportTo(logger: Logger): void {
  const warn = (message: string): void => logger.warn('telemetry reports', { text: message });
  const silent = (): void => undefined;
  const diagLogger = { error: warn, warn, info: silent, debug: silent, verbose: silent };
  diag.setLogger(diagLogger, { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true });
  setGlobalErrorHandler((error) => logger.warn('telemetry was not exported', { error }));
}

function resourceOf(identity: TelemetryIdentity): Resource {
  const own = resourceFromAttributes({
    'service.name': identity.serviceName,
    'service.instance.id': identity.serviceInstanceId,
    'service.version': identity.serviceVersion,
  });
  return defaultResource()
    .merge(own)
    .merge(detectResources({ detectors: [envDetector] }));
}

function startTraces(settings: TraceSettings, resource: Resource): TracerProvider {
  const { protocol, delayMs, exportTimeoutMs, queueSpansMax, batchSpansMax } = settings;
  // Endpoint, headers, time-out, compression and certificates come from OTEL_EXPORTER_OTLP_*.
  const exporter = protocol === 'http/json' ? new JsonTraceExporter() : new ProtobufTraceExporter();
  const processor = new BatchSpanProcessor({
    exporter,
    scheduledDelayMillis: delayMs,
    exportTimeoutMillis: exportTimeoutMs,
    maxQueueSize: queueSpansMax,
    maxExportBatchSize: Math.min(batchSpansMax, queueSpansMax),
  });
  const provider = new TracerProvider({
    resource,
    sampler: samplerOf(settings),
    spanProcessors: [processor],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(provider);
  return provider;
}

function samplerOf({ sampler, ratio }: TraceSettings): Sampler {
  const roots: Readonly<Record<string, () => Sampler>> = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  };
  const root = roots[sampler.replace('parentbased_', '')]?.() ?? new AlwaysOnSampler();
  return sampler.startsWith('parentbased_') ? new ParentBasedSampler({ root }) : root;
}

function startMetrics(
  { protocol, intervalMs, exportTimeoutMs }: MetricSettings,
  resource: Resource,
  source: Metrics,
): MeterProvider {
  const exporter =
    protocol === 'http/json' ? new JsonMetricExporter() : new ProtobufMetricExporter();
  const reader = new PeriodicExportingMetricReader({
    exporter,
    exportIntervalMillis: intervalMs,
    exportTimeoutMillis: exportTimeoutMs,
    metricProducers: [new PrometheusProducer(source)],
  });
  return new MeterProvider({ resource, readers: [reader] });
}
