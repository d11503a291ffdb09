import { once } from 'node:events';
import * as grpc from '@grpc/grpc-js';
import { helloworld } from '@raftway/contracts';
import { failedPrecondition } from '@raftway/errors';
import { silentLogger } from '@raftway/observability';
import {
  type CallContext,
  createServer,
  implementService,
  type RaftwayServer,
} from '@raftway/service-kit';
import { type GatewayOptions } from '../../src/options';
import { DocumentGateway } from './document-gateway';
import { type EchoBackend, type UnaryCall, type UnaryDone } from './echo-backend';
import { instanceOf } from './fake-view';
import { eventually, type Harness } from './harness';
import { decodeText, encodeText, textBackend } from './text-backend';

/** A document of our own group. */
export function document(kind: string, name: string, spec: string): string {
  return `---\napiVersion: gateway.raftway.dev/v1\nkind: ${kind}\nmetadata: { name: ${name} }\nspec:\n${spec}\n`;
}

/**
 * A gateway with documents and two services of two makes: the greeter's contract on the kit that all services use, and `test.Echo` on grpc-js.
 * To either the text `fail` fails, and `slow` has no answer.
 */
export class Aggregation {
  /** Calls of the greeter, and their `authorization`. */
  readonly greetings: { readonly name: string; readonly seen: string | undefined }[] = [];
  /** Those that ended because nobody waited any more. */
  cancelled = 0;

  private constructor(
    readonly documents: DocumentGateway,
    readonly echo: EchoBackend,
    readonly server: RaftwayServer,
  ) {}

  static async start(text: string, options: Partial<GatewayOptions> = {}): Promise<Aggregation> {
    const documents = await DocumentGateway.start({ 'all.yaml': text }, options);
    const greeter = implementService(helloworld.GreeterService, {
      sayHello: ({ name }, call) => self.greet(name, call),
      sayHelloStreamReply: async function* ({ name }) {
        yield { message: `1 ${name}` };
        yield { message: `2 ${name}` };
      },
      sayHelloClientStream: () => ({ message: '' }),
      sayHelloBidiStream: async function* () {},
      sayHelloNumbered: ({ name }) => ({
        ...{ message: name, greetingId: '7', fencingToken: 9007199254740993n, instanceId: '' },
      }),
    });
    const server = createServer({
      ...{ name: 'greeter', bind: '127.0.0.1:0', services: [greeter], logger: silentLogger() },
      ...{ drainDelayMs: 0, drainTimeoutMs: 100 },
    });
    await server.start();
    const echo = await textBackend(documents.harness, {
      Unary: (call: UnaryCall, done: UnaryDone) => {
        echo.note(call);
        const text = decodeText(call.request);
        if (text === 'slow') return;
        if (text === 'fail')
          return done({ code: grpc.status.ABORTED, details: 'no echo', name: '', message: '' });
        done(null, encodeText(text));
      },
    });
    const self = new Aggregation(documents, echo, server);
    self.register();
    if (options.jsonTranscoding !== false) await self.known();
    return self;
  }

  get harness(): Harness {
    return this.documents.harness;
  }

  /** Registers both. */
  register(): void {
    const grpcServices = ['helloworld.Greeter'];
    this.harness.view.set(
      instanceOf(this.echo.address, { instanceId: 'echo' }),
      instanceOf(this.server.address, { service: 'greeter', instanceId: 'greeter', grpcServices }),
    );
  }

  /** Waits until the gateway has learnt the files of both, as its OpenAPI document shows. */
  private async known(): Promise<void> {
    let text = '';
    await eventually(() => {
      void this.get('/openapi.json').then(async (response) => (text = await response.text()));
      return text.includes('/v1/greetings/{name}') && text.includes('/test.Echo/Unary');
    }, 'both services in the OpenAPI document');
  }

  get(path: string, init: RequestInit = {}): Promise<Response> {
    return fetch(`http://${this.harness.gateway.address}${path}`, init);
  }

  post(path: string, body: string, contentType = 'application/json'): Promise<Response> {
    return this.get(path, { method: 'POST', body, headers: { 'content-type': contentType } });
  }

  /** Status and JSON. */
  async outcome(work: Promise<Response>): Promise<[number, unknown]> {
    const response = await work;
    return [response.status, JSON.parse(await response.text())];
  }

  /** The value of a counter. */
  async count(series: string): Promise<number> {
    const text = await this.harness.metrics.text();
    const line = text.split('\n').find((one) => one.startsWith(`raftway_gateway_${series} `));
    return Number(line?.split(' ').at(-1) ?? 0);
  }

  async close(): Promise<void> {
    await this.documents.close();
    await this.server.stop();
  }

  private async greet(name: string, call: CallContext): Promise<{ message: string }> {
    this.greetings.push({ name, seen: call.metadata.get('authorization') });
    if (name === 'fail')
      throw failedPrecondition('NOT_HOLDER', 'nobody to greet', { metadata: { who: name } });
    if (name === 'slow') {
      await once(call.signal, 'abort');
      this.cancelled += 1;
    }
    return { message: `Hello, ${name}!` };
  }
}
