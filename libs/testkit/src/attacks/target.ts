import * as http2 from 'node:http2';
import type { AddressInfo } from 'node:net';

/** The gRPC service that is attacked. */
export const TARGET_SERVICE = 'attack.Target';

const CHUNK = Buffer.alloc(65_536, 1);
/** As many as a whole answer of `Large` has. */
const CHUNKS_MAX = 1024;
/** Says of a header that only an attacker has sent it; the gateway must drop or refuse it. */
export const FORBIDDEN = 'smuggled';

/** An instance that takes what gets through the gateway, and looks at it. */
export class Target {
  address = '';
  /** What must never have reached an instance. */
  readonly violations = new Set<string>();
  private readonly server = http2.createServer({ maxSessionMemory: 1000 });
  private readonly sessions = new Set<http2.ServerHttp2Session>();

  constructor() {
    this.server.on('session', (session) => {
      this.sessions.add(session);
      session.on('error', () => undefined);
      session.once('close', () => this.sessions.delete(session));
    });
    this.server.on('sessionError', () => undefined);
    this.server.on('stream', (stream, headers, _flags, raw) => {
      stream.on('error', () => undefined);
      this.look(raw);
      this.serve(stream, String(headers[':path']));
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

  private look(raw: readonly string[]): void {
    for (let at = 0; at < raw.length; at += 2) {
      const [name = '', value = ''] = raw.slice(at, at + 2);
      const isWrong = name.includes(FORBIDDEN) || value.includes(FORBIDDEN);
      if (isWrong) this.violations.add(`${name}: ${value}`);
    }
  }

  private serve(stream: http2.ServerHttp2Stream, path: string): void {
    const ok = { ':status': 200, 'content-type': 'application/grpc' };
    const method = path.slice(path.lastIndexOf('/') + 1);
    if (method === 'Deaf') stream.pause();
    else if (method === 'Large') {
      stream.respond(ok);
      stream.resume();
      answerLargely(stream);
    } else if (method === 'Quiet') stream.resume();
    else {
      stream.resume();
      stream.once('end', () => {
        if (!stream.destroyed) stream.respond({ ...ok, 'grpc-status': '0' }, { endStream: true });
      });
    }
  }
}

function answerLargely(stream: http2.ServerHttp2Stream): void {
  let sent = 0;
  const more = (): void => {
    while (sent < CHUNKS_MAX && !stream.destroyed) {
      sent += 1;
      if (!stream.write(CHUNK)) return void stream.once('drain', more);
    }
    if (!stream.destroyed) stream.end();
  };
  more();
}

/** Calls `Large` once through the gateway, and reads all of its answer. @throws when it does not come whole */
export async function readLargely(gateway: string): Promise<void> {
  const session = http2.connect(`http://${gateway}`);
  const stream = session.request({
    ':method': 'POST',
    ':path': `/${TARGET_SERVICE}/Large`,
    'content-type': 'application/grpc',
    te: 'trailers',
  });
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => (bytes += chunk.length));
  stream.end();
  await new Promise((resolve, reject) => {
    session.once('error', reject);
    stream.once('error', reject);
    stream.once('close', resolve);
  });
  session.destroy();
  if (bytes !== CHUNKS_MAX * CHUNK.length) throw new Error(`${bytes} bytes of a large answer`);
}
