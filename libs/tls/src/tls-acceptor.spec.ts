import { once } from 'node:events';
import { type AddressInfo, connect as connectPlain, createServer, type Socket } from 'node:net';
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls';
import { contextOptions, type TlsFiles } from './credentials';
import { dial } from './dial';
import { explainDialling } from './errors';
import { peerIdentity } from './peer-names';
import { TestAuthority } from './testing';
import { type ClientAuth, TlsAcceptor, type TlsAcceptorSettings } from './tls-acceptor';
import { TlsSource } from './tls-source';

const UNTIL_TIMEOUT_MS = 20_000;
let authority: TestAuthority;
let stranger: TestAuthority;
const closing: (() => void)[] = [];

beforeAll(async () => {
  authority = await TestAuthority.create();
  stranger = await TestAuthority.create('Somebody else');
});
afterEach(() => {
  for (const close of closing.splice(0)) close();
});
afterAll(() => Promise.all([authority.remove(), stranger.remove()]));

async function openSource(files: TlsFiles, observer = {}): Promise<TlsSource> {
  const source = await TlsSource.open(files, { observer, checkIntervalMs: 3_600_000 });
  closing.push(() => source.close());
  return source;
}

/** A server that says hello to whoever comes through, and whom it has refused. */
async function startServer(clientAuth: ClientAuth, more: Partial<TlsAcceptorSettings> = {}) {
  const refused: { peer: string; reason: string }[] = [];
  let onRefusal: () => void = () => undefined;
  const files = await authority.issue({ names: ['localhost', '127.0.0.1', 'service'] });
  const source = await openSource(files, {
    onRefused: (peer: string, reason: string) => {
      refused.push({ peer, reason });
      onRefusal();
    },
  });
  const sockets: TLSSocket[] = [];
  const acceptor = new TlsAcceptor({
    source,
    clientAuth,
    ...more,
    onSocket: (socket) => {
      sockets.push(socket);
      socket.on('error', () => undefined);
      socket.write('hello');
    },
  });
  const server = createServer((socket) => acceptor.accept(socket)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  closing.push(() => {
    acceptor.close();
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  const refusal = async (): Promise<{ peer: string; reason: string }> => {
    if (refused.length === 0) await new Promise<void>((resolve) => (onRefusal = resolve));
    return refused[0] as { peer: string; reason: string };
  };
  return { port, files, source, sockets, acceptor, refused, refusal };
}

/** What the server says first, or why it says nothing. */
function answer(socket: Socket): Promise<string> {
  return new Promise((resolve) => {
    socket.once('data', (bytes) => resolve(String(bytes)));
    socket.once('error', (error) => resolve(explainDialling(error)));
    socket.once('close', () => resolve('closed'));
    closing.push(() => socket.destroy());
  });
}

async function dialled(port: number, files: TlsFiles, serverNames = ['127.0.0.1']) {
  const source = await openSource(files);
  const socket = dial(source, { host: '127.0.0.1', port, serverNames }, () => undefined);
  return answer(socket);
}

/** With what Node offers, for what our own dialler never does. */
async function raw(port: number, files: TlsFiles, options: ConnectionOptions) {
  const source = await openSource(files);
  return answer(
    connect({
      host: '127.0.0.1',
      port,
      ...contextOptions(source.current.pems),
      ALPNProtocols: ['h2'],
      checkServerIdentity: () => undefined,
      ...options,
    }),
  );
}

describe('a server that requires client certificates', () => {
  it('takes one of its CA', async () => {
    const { port } = await startServer('require');

    expect(await dialled(port, await authority.issue())).toBe('hello');
  });

  it('refuses a caller without one, and both sides learn why', async () => {
    const { port, refusal } = await startServer('require');
    const { ca } = await authority.issue();

    const heard = await dialled(port, { ca });

    expect(heard).toMatch(/^the server wants a client certificate/);
    const { peer, reason } = await refusal();
    expect(peer).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(reason).toMatch(/^it has no client certificate/);
  });

  it('refuses one of another CA', async () => {
    const { port, files, refusal } = await startServer('require');
    const { identity } = await stranger.issue();

    expect(await dialled(port, { ca: files.ca, identity })).not.toBe('hello');
    expect((await refusal()).reason).toMatch(/^its certificate is not signed by the CA/);
  });

  it('refuses one that has expired since its owner started', async () => {
    const { port, files, refusal } = await startServer('require');
    const old = await authority.issue({ lifetimeMs: -1000 });
    const source = await TlsSource.open(
      { ca: files.ca, identity: old.identity },
      { nowMs: () => Date.now() - 3_600_000 },
    );
    closing.push(() => source.close());

    const socket = dial(
      source,
      { host: '127.0.0.1', port, serverNames: ['127.0.0.1'] },
      () => undefined,
    );

    expect(await answer(socket)).not.toBe('hello');
    expect((await refusal()).reason).toMatch(/^its certificate has expired/);
  });
});

describe('a server with optional client certificates', () => {
  it('takes a caller without one', async () => {
    const { port, sockets } = await startServer('optional');
    const { ca } = await authority.issue();

    expect(await dialled(port, { ca })).toBe('hello');
    expect(peerIdentity(sockets[0] as TLSSocket)).toBeUndefined();
  });

  it('knows who shows a good one', async () => {
    const { port, sockets } = await startServer('optional');
    const files = await authority.issue({ names: ['registry', '*.registry.raftway.svc'] });

    await dialled(port, files);

    const identity = peerIdentity(sockets[0] as TLSSocket);
    expect(identity?.names).toEqual(['DNS:registry', 'DNS:*.registry.raftway.svc']);
    expect(identity?.isFor('registry-0.registry.raftway.svc')).toBe(true);
    expect(identity?.isFor('lock-service')).toBe(false);
  });

  it('refuses one of another CA', async () => {
    const { port, files, refusal } = await startServer('optional');
    const { identity } = await stranger.issue();

    expect(await dialled(port, { ca: files.ca, identity })).not.toBe('hello');
    expect((await refusal()).reason).toMatch(/not signed by the CA/);
  });
});

describe('whoever dials', () => {
  it('refuses a server of another CA', async () => {
    const { port } = await startServer('none');
    const { ca } = await stranger.issue();

    expect(await dialled(port, { ca })).toMatch(
      /^the server's certificate is not signed by the CA/,
    );
  });

  it('refuses a server with another name', async () => {
    const { port, files } = await startServer('none');

    expect(await dialled(port, { ca: files.ca }, ['lock-service'])).toMatch(
      /Host: lock-service\. is not/,
    );
  });

  it('is content with one of several names', async () => {
    const { port, files } = await startServer('none');

    expect(await dialled(port, { ca: files.ca }, ['lock-service', 'service'])).toBe('hello');
  });

  it('learns that a server speaks no TLS', async () => {
    const server = createServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
      0,
      '127.0.0.1',
    );
    await once(server, 'listening');
    closing.push(() => server.close());

    const heard = await dialled((server.address() as AddressInfo).port, await authority.issue());

    expect(heard).toMatch(/^the server does not speak TLS there/);
  });
});

describe('a server refuses', () => {
  it('whoever speaks no TLS', async () => {
    const { port, refusal } = await startServer('none');
    const socket = connectPlain(port, '127.0.0.1', () =>
      socket.write('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    );

    await answer(socket);

    expect((await refusal()).reason).toMatch(/^it does not speak TLS 1\.2 or later/);
  });

  it.each([
    [
      'TLS 1.1',
      { maxVersion: 'TLSv1.1', minVersion: 'TLSv1.1' },
      /TLS 1\.2 or later|handshake failed/,
    ],
    ['HTTP/1.1', { ALPNProtocols: ['http/1.1'] }, /^it does not speak HTTP\/2/],
    ['no protocol that it names', { ALPNProtocols: [] }, /^it does not speak HTTP\/2/],
  ] as const)('whoever speaks %s', async (_, options, reason) => {
    const { port, files, refusal } = await startServer('none');
    const ciphers = { ciphers: 'DEFAULT@SECLEVEL=0' };

    const heard = await raw(port, files, { ...ciphers, ...options });

    expect(heard).not.toBe('hello');
    expect((await refusal()).reason).toMatch(reason);
  });

  it('nobody for the lack of ALPN where HTTP/1.1 may be spoken', async () => {
    const { port, files, sockets } = await startServer('none', { protocols: ['h2', 'http/1.1'] });

    for (const ALPNProtocols of [['http/1.1'], [], ['http/1.1', 'h2']])
      expect(await raw(port, files, { ALPNProtocols })).toBe('hello');

    expect(sockets.map(({ alpnProtocol }) => alpnProtocol)).toEqual(['http/1.1', false, 'h2']);
  });

  it('whoever takes too long', async () => {
    const { port, refusal, acceptor } = await startServer('none', { handshakeTimeoutMs: 20 });

    expect(await answer(connectPlain(port, '127.0.0.1'))).toBe('closed');
    expect((await refusal()).reason).toMatch(/^it did not finish the handshake in time/);
    expect(acceptor.pendingCount).toBe(0);
  });

  it('the handshake that is one too many, and later ones when there is room again', async () => {
    const { port, files, refusal, acceptor } = await startServer('none', { pendingMax: 1 });
    const silent = connectPlain(port, '127.0.0.1');
    await once(silent, 'connect');

    const heard = await answer(connectPlain(port, '127.0.0.1'));
    const pending = acceptor.pendingCount;
    silent.destroy();
    await until(() => acceptor.pendingCount === 0);
    const later = [await dialled(port, files), await dialled(port, files)];

    expect(heard).toBe('closed');
    expect((await refusal()).reason).toBe('1 handshakes are under way');
    expect(pending).toBe(1);
    expect(later).toEqual(['hello', 'hello']);
  });

  it('nobody loudly who just goes away', async () => {
    const { port, refused, acceptor } = await startServer('none');
    const socket = connectPlain(port, '127.0.0.1');
    await until(() => acceptor.pendingCount === 1);

    socket.destroy();
    await until(() => acceptor.pendingCount === 0);

    expect(refused).toEqual([]);
  });
});

it('a new certificate is shown to new callers, and connections that are open stay', async () => {
  const { port, files, source, sockets } = await startServer('none');
  const other = await openSource({ ca: files.ca });
  const target = { host: '127.0.0.1', port, serverNames: ['127.0.0.1'] };
  const before = dial(other, target, () => undefined);
  await answer(before);

  await authority.renew(files, { names: ['renewed'] });
  await source.check();
  const after = dial(other, { ...target, serverNames: ['renewed'] }, () => undefined);

  expect(await answer(after)).toBe('hello');
  const again = new Promise((resolve) => before.once('data', (bytes) => resolve(String(bytes))));
  sockets[0]?.write('still here');
  expect(await again).toBe('still here');
});

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + UNTIL_TIMEOUT_MS;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${UNTIL_TIMEOUT_MS} ms`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
