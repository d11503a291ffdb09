import * as http2 from 'node:http2';
import { type AddressInfo } from 'node:net';

type OnStream = (
  stream: http2.ServerHttp2Stream,
  headers: readonly string[],
  session: http2.ServerHttp2Session,
) => void;

/** A backend that is HTTP/2 and nothing more: it answers with what the spec wants, and notes what it gets. */
export class RawBackend {
  readonly requests: string[][] = [];
  readonly resets: number[] = [];
  readonly sessions = new Set<http2.ServerHttp2Session>();
  address = '';
  private readonly server: http2.Http2Server;

  constructor(onStream: OnStream, settings: http2.Settings = {}) {
    this.server = http2.createServer({ settings });
    this.server.on('session', (session) => {
      this.sessions.add(session);
      session.on('error', () => undefined);
      session.once('close', () => this.sessions.delete(session));
    });
    this.server.on('stream', (stream, headers, _flags, raw) => {
      // The gateway asks every new instance for its files; that is not what these specs are about.
      if (String(headers[':path']).startsWith('/grpc.reflection.'))
        return withoutReflection(stream);
      this.requests.push(raw);
      stream.on('error', () => undefined);
      stream.on('aborted', () => this.resets.push(stream.rstCode));
      onStream(stream, raw, stream.session as http2.ServerHttp2Session);
    });
  }

  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.server.listen(0, '127.0.0.1', resolve));
    this.address = `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
    return this;
  }

  async stop(): Promise<void> {
    for (const session of this.sessions) session.destroy();
    await new Promise((resolve) => this.server.close(resolve));
  }
}

function withoutReflection(stream: http2.ServerHttp2Stream): void {
  stream.respond(
    { ':status': 200, 'content-type': 'application/grpc', 'grpc-status': '12' },
    { endStream: true },
  );
}

/** Answers a unary call with its request. */
export function echoUnary(stream: http2.ServerHttp2Stream): void {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('end', () => {
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.end(Buffer.concat(chunks));
  });
  stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
  stream.resume();
}

/** What came back. */
export interface RawAnswer {
  headers: string[];
  trailers: string[];
  body: Buffer;
  rstCode: number;
}

/** One call with exactly these headers. */
export async function rawCall(
  address: string,
  body: Buffer,
  headers: readonly (readonly [string, string])[],
  pseudo: Record<string, string> = {},
): Promise<RawAnswer> {
  const session = http2.connect(`http://${address}`);
  session.on('error', () => undefined);
  const all = {
    ':method': 'POST',
    ':path': '/test.Echo/Unary',
    ':scheme': 'http',
    ':authority': address,
    ...pseudo,
  };
  const flat = [...Object.entries(all), ...headers].flat();
  const stream = session.request(flat);
  const answer: RawAnswer = { headers: [], trailers: [], body: Buffer.alloc(0), rstCode: 0 };
  const chunks: Buffer[] = [];
  stream.on('response', (_headers, _flags, raw?: unknown) => (answer.headers = raw as string[]));
  stream.on('trailers', (_headers, _flags, raw?: unknown) => (answer.trailers = raw as string[]));
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  stream.on('error', () => undefined);
  // A GET has ended already.
  if (!stream.writableEnded) stream.end(body);
  await new Promise((resolve) => stream.on('close', resolve));
  session.destroy();
  return { ...answer, body: Buffer.concat(chunks), rstCode: stream.rstCode };
}
