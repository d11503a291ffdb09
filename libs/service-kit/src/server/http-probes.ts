import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { joinHostPort, splitHostPort } from '@raftway/config';
import type { Logger, Metrics } from '@raftway/observability';
import { listenError } from './listen-error';

/** What the probes report. */
export interface ProbeSource {
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Why the process must not get calls; empty = ready. */
  reasons(): string[];
}

const CONNECTIONS_MAX = 100;
const REQUEST_TIMEOUT_MS = 5000;

/** The HTTP server of /metrics, /livez and /readyz: for Prometheus, Kubernetes and people. */
export class HttpProbes {
  private readonly server: Server;
  private boundAddress: string | undefined;

  /** @param bind `host:port` */
  constructor(
    private readonly bind: string,
    private readonly source: ProbeSource,
  ) {
    this.server = createServer((request, response) => {
      this.answer(request, response).catch((error: unknown) => {
        source.logger.error('http probe failed', { error });
        response.writeHead(500).end();
      });
    });
    this.server.maxConnections = CONNECTIONS_MAX;
    this.server.requestTimeout = REQUEST_TIMEOUT_MS;
    this.server.headersTimeout = REQUEST_TIMEOUT_MS;
  }

  /** `host:port` that it listens on; undefined before listen. */
  get address(): string | undefined {
    return this.boundAddress;
  }

  /** @throws Error in one sentence when it cannot listen there. */
  async listen(): Promise<void> {
    const { host, port } = splitHostPort(this.bind) ?? { host: '', port: 0 };
    await new Promise<void>((resolve, reject) => {
      const onError = (error: Error): void => reject(listenError('HTTP', this.bind, error));
      this.server.once('error', onError);
      this.server.listen(port, host, () => {
        this.server.off('error', onError);
        resolve();
      });
    });
    const bound = this.server.address();
    const boundPort = typeof bound === 'object' && bound !== null ? bound.port : port;
    this.boundAddress = joinHostPort({ host, port: boundPort });
  }

  async close(): Promise<void> {
    if (!this.server.listening) return;
    await new Promise<void>((resolve) => {
      this.server.close(() => resolve());
      this.server.closeAllConnections();
    });
  }

  private async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '').split('?')[0];
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      response.writeHead(405, { allow: 'GET, HEAD' }).end();
    } else if (path === '/metrics') {
      const { metrics } = this.source;
      const text = await metrics.text();
      response.writeHead(200, { 'content-type': metrics.contentType }).end(text);
    } else if (path === '/livez') {
      json(response, 200, { alive: true });
    } else if (path === '/readyz') {
      const reasons = this.source.reasons();
      json(response, reasons.length === 0 ? 200 : 503, { ready: reasons.length === 0, reasons });
    } else {
      json(response, 404, { error: 'not found', paths: ['/metrics', '/livez', '/readyz'] });
    }
  }
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
    .end(`${JSON.stringify(body)}\n`);
}
