import { context, trace, type Span, type Tracer } from '@opentelemetry/api';
import { helloworld } from '@raftway/contracts';
import { createLogger } from '@raftway/observability';
import { createClient, createServer, implementService } from '../index';

const CALL = { traceId: 'a'.repeat(32), spanId: 'b'.repeat(16), traceFlags: 1 };

/** The API's part of an SDK: every span is recorded, and is the same one. */
const span = {
  spanContext: () => CALL,
  isRecording: () => true,
  setAttribute: () => span,
  setStatus: () => span,
  end: () => undefined,
} as unknown as Span;

async function linesOfOneCall(): Promise<Record<string, unknown>[]> {
  const lines: string[] = [];
  const logger = createLogger({ level: 'debug', write: (line) => lines.push(line) });
  const { sayHello } = helloworld.GreeterService;
  const service = implementService({ sayHello } as const, {
    sayHello: (_request, call) => {
      call.logger.info('greeting');
      throw new Error('a bug');
    },
  });
  const server = createServer({ name: 'greeter', services: [service], logger, drainDelayMs: 0 });
  await server.start();
  const client = createClient(helloworld.GreeterService, server.address);
  await client.sayHello({ name: 'Ada' }).catch(() => undefined);
  client.close();
  await server.stop();
  return lines
    .map((line) => JSON.parse(line) as Record<string, unknown>)
    .filter(({ msg }) => ['greeting', 'call failed', 'call'].includes(String(msg)));
}

afterEach(() => {
  trace.disable();
  context.disable();
});

it('all lines of a call that is recorded name its trace and its span', async () => {
  const tracer = { startSpan: () => span } as unknown as Tracer;
  trace.setGlobalTracerProvider({ getTracer: () => tracer });

  const lines = await linesOfOneCall();

  expect(lines.map(({ msg }) => msg)).toEqual(['greeting', 'call failed', 'call']);
  for (const line of lines) {
    expect(line).toMatchObject({ trace_id: CALL.traceId, span_id: CALL.spanId });
  }
});

it('nothing is added to those of a call that nobody records', async () => {
  for (const line of await linesOfOneCall()) expect(line).not.toHaveProperty('trace_id');
});
