import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A span as it was exported, with the process that did. */
export interface CollectedSpan {
  readonly service: string;
  readonly instance: string;
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly kind: number;
  readonly links: readonly { readonly traceId: string; readonly spanId: string }[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

/** SpanKind of OTLP, which counts from one more than the API's. */
export const OTLP_SERVER_KIND = 2;

interface Attribute {
  readonly key: string;
  readonly value: Readonly<Record<string, unknown>>;
}

interface Resource {
  readonly resource: { readonly attributes: readonly Attribute[] };
}

interface TracesBody {
  readonly resourceSpans: readonly (Resource & {
    readonly scopeSpans: readonly {
      readonly spans: readonly (Omit<CollectedSpan, 'attributes' | 'links'> & {
        readonly attributes?: readonly Attribute[];
        readonly links?: CollectedSpan['links'];
      })[];
    }[];
  })[];
}

interface MetricsBody {
  readonly resourceMetrics: readonly (Resource & {
    readonly scopeMetrics: readonly { readonly metrics: readonly { readonly name: string }[] }[];
  })[];
}

/** Takes OTLP over HTTP in JSON, as an OpenTelemetry Collector does, and keeps it. */
export class CollectorServer {
  readonly spans: CollectedSpan[] = [];
  /** `service name of metric` of all that was exported. */
  readonly metrics = new Set<string>();
  private readonly server: Server = createServer((request, response) => {
    read(request)
      .then((body) => {
        if (request.url === '/v1/traces') this.keepSpans(body as TracesBody);
        if (request.url === '/v1/metrics') this.keepMetrics(body as MetricsBody);
        response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      })
      // A process that was killed meanwhile does not hear it; any other logs it.
      .catch((error: unknown) => response.writeHead(400).end(String(error)));
  });

  /** Yields the URL to export to. */
  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  stop(): void {
    this.server.close();
    this.server.closeAllConnections();
  }

  private keepSpans(body: TracesBody): void {
    for (const { resource, scopeSpans } of body.resourceSpans) {
      const own = record(resource.attributes);
      const [service, instance] = [own['service.name'], own['service.instance.id']].map(String);
      for (const span of scopeSpans.flatMap(({ spans }) => spans)) {
        this.spans.push({
          ...span,
          ...{ service: service ?? '', instance: instance ?? '' },
          links: span.links ?? [],
          attributes: record(span.attributes ?? []),
        });
      }
    }
  }

  private keepMetrics(body: MetricsBody): void {
    for (const { resource, scopeMetrics } of body.resourceMetrics) {
      const service = String(record(resource.attributes)['service.name']);
      for (const { name } of scopeMetrics.flatMap(({ metrics }) => metrics)) {
        this.metrics.add(`${service} ${name}`);
      }
    }
  }
}

async function read(request: IncomingMessage): Promise<unknown> {
  let body = '';
  request.setEncoding('utf8');
  for await (const chunk of request) body += String(chunk);
  return JSON.parse(body);
}

/** The value is under a key that says its type. */
function record(attributes: readonly Attribute[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
