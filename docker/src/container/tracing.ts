// Records the app's spans: `NODE_OPTIONS=--require=/app/tracing.js`, and the OTEL_* variables of the OpenTelemetry specification.
//
// The apps speak to the OpenTelemetry API only, which does nothing until an SDK registers with it. Both keep the SDK in a global of the
// process, so this file may be a bundle of its own: who does not trace does not load it.
import { context, propagation, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { defaultResource, detectResources, envDetector } from '@opentelemetry/resources';
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace';

/** Spans are sent this often; those of the last moment before the process ends are lost. */
const DELAY_MS = 1000;

/** The share of traces that are kept, of those that begin here. */
const ratio = Number(process.env['OTEL_TRACES_SAMPLER_ARG'] ?? '1');
if (!(ratio >= 0 && ratio <= 1)) {
  throw new Error('OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1');
}

context.setGlobalContextManager(new AsyncLocalStorageContextManager());
propagation.setGlobalPropagator(new W3CTraceContextPropagator());
trace.setGlobalTracerProvider(
  new TracerProvider({
    resource: defaultResource().merge(detectResources({ detectors: [envDetector] })),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanProcessors: [
      // The endpoint, the headers and the time-outs come from OTEL_EXPORTER_OTLP_*.
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter(), scheduledDelayMillis: DELAY_MS }),
    ],
  }),
);
