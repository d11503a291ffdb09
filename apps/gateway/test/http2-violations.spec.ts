import { http2Code } from '@raftway/http2';
import { eventually, Harness } from './support/harness';
import {
  block,
  callHeaders,
  flag,
  frame,
  good,
  headers,
  preface,
  RawPeer,
  RawServer,
  setting,
  type,
  uint32,
} from '@raftway/http2/testing';
import { instanceOf } from './support/fake-view';

/*
 * A catalogue of what RFC 9113 forbids, and what it wants to be done about it: the connection ends with a GOAWAY of a certain code, or one stream with a
 * RST_STREAM and everything else goes on.
 */

let harness: Harness;

beforeAll(async () => {
  harness = await Harness.start();
  await harness.backend();
  harness.registerAll();
});

afterAll(async () => {
  const client = harness.client();
  expect((await client.unary('still served')).code).toBe(0);
  await harness.close();
  expect(harness.gateway.bufferedBytes).toBe(0);
});

const {
  protocolError,
  flowControlError,
  frameSizeError,
  streamClosed,
  compressionError,
  enhanceYourCalm,
} = http2Code;
const zeros = (count: number): Buffer => Buffer.alloc(count);
const ended = flag.endStream;

describe('a client connection ends when the client sends', () => {
  it.each<[string, number, Buffer[]]>([
    [
      '§4.2 a frame larger than 16384 bytes',
      frameSizeError,
      [frame(type.data, 0, 1, zeros(16_385))],
    ],
    [
      '§4.3 a block that is no HPACK',
      compressionError,
      [frame(type.headers, flag.endHeaders, 1, Buffer.from([0xff, 0xff, 0xff, 0xff, 0xff, 0xff]))],
    ],
    [
      '§4.3 another frame within a header block',
      protocolError,
      [frame(type.headers, 0, 1, block(...good)), frame(type.ping, 0, 0, zeros(8))],
    ],
    [
      '§4.3 another stream within a header block',
      protocolError,
      [frame(type.headers, 0, 1, block(...good)), frame(type.continuation, 4, 3)],
    ],
    ['§5.1 DATA on an idle stream', protocolError, [frame(type.data, 0, 1, zeros(1))]],
    ['§5.1 RST_STREAM on an idle stream', protocolError, [frame(type.reset, 0, 1, uint32(8))]],
    [
      '§5.1 WINDOW_UPDATE on an idle stream',
      protocolError,
      [frame(type.windowUpdate, 0, 1, uint32(1))],
    ],
    ['§5.1.1 an even stream id', protocolError, [headers(2)]],
    ['§5.1.1 a stream id below the last one', protocolError, [headers(5), headers(3)]],
    ['§6.1 DATA on stream 0', protocolError, [frame(type.data, 0, 0, zeros(1))]],
    [
      '§6.1 DATA with more padding than payload',
      protocolError,
      [headers(1), frame(type.data, flag.padded, 1, Buffer.from([5, 0, 0]))],
    ],
    [
      '§6.1 DATA that is padded and empty',
      frameSizeError,
      [headers(1), frame(type.data, flag.padded, 1)],
    ],
    ['§6.2 HEADERS on stream 0', protocolError, [headers(0)]],
    [
      '§6.2 HEADERS with more padding than payload',
      protocolError,
      [frame(type.headers, flag.endHeaders | flag.padded, 1, Buffer.from([9, 0x82]))],
    ],
    [
      '§6.2 HEADERS too short for its priority',
      frameSizeError,
      [frame(type.headers, flag.endHeaders | flag.priority, 1, zeros(3))],
    ],
    ['§6.3 PRIORITY on stream 0', protocolError, [frame(type.priority, 0, 0, zeros(5))]],
    ['§6.4 RST_STREAM on stream 0', protocolError, [frame(type.reset, 0, 0, uint32(8))]],
    [
      '§6.4 RST_STREAM of another length',
      frameSizeError,
      [headers(1), frame(type.reset, 0, 1, zeros(3))],
    ],
    ['§6.5 SETTINGS on a stream', protocolError, [frame(type.settings, 0, 1)]],
    ['§6.5 SETTINGS of another length', frameSizeError, [frame(type.settings, 0, 0, zeros(5))]],
    [
      '§6.5 an acknowledgement with a payload',
      frameSizeError,
      [frame(type.settings, flag.ack, 0, zeros(6))],
    ],
    ['§6.5 an acknowledgement of nothing', protocolError, [frame(type.settings, flag.ack, 0)]],
    ['§6.5.2 ENABLE_PUSH 2', protocolError, [frame(type.settings, 0, 0, setting(2, 2))]],
    [
      '§6.5.2 an initial window above its maximum',
      flowControlError,
      [frame(type.settings, 0, 0, setting(4, 2 ** 31))],
    ],
    [
      '§6.5.2 a frame size below its minimum',
      protocolError,
      [frame(type.settings, 0, 0, setting(5, 16_383))],
    ],
    [
      '§6.5.2 a frame size above its maximum',
      protocolError,
      [frame(type.settings, 0, 0, setting(5, 2 ** 24))],
    ],
    ['§6.6 PUSH_PROMISE', protocolError, [headers(1), frame(type.push, 4, 1, zeros(4))]],
    ['§6.7 PING on a stream', protocolError, [frame(type.ping, 0, 1, zeros(8))]],
    ['§6.7 PING of another length', frameSizeError, [frame(type.ping, 0, 0, zeros(7))]],
    ['§6.8 GOAWAY on a stream', protocolError, [frame(type.goaway, 0, 1, zeros(8))]],
    ['§6.8 GOAWAY that is too short', frameSizeError, [frame(type.goaway, 0, 0, zeros(7))]],
    [
      '§6.9 WINDOW_UPDATE of another length',
      frameSizeError,
      [frame(type.windowUpdate, 0, 0, zeros(3))],
    ],
    [
      '§6.9 WINDOW_UPDATE of 0 on the connection',
      protocolError,
      [frame(type.windowUpdate, 0, 0, uint32(0))],
    ],
    [
      '§6.9.1 a connection window above its maximum',
      flowControlError,
      [frame(type.windowUpdate, 0, 0, uint32(2 ** 31 - 1))],
    ],
    [
      '§6.9.2 a change that takes a stream window above its maximum',
      flowControlError,
      [
        headers(1),
        frame(type.windowUpdate, 0, 1, uint32(2 ** 31 - 1 - 65_535)),
        frame(type.settings, 0, 0, setting(4, 65_536)),
      ],
    ],
    ['§6.10 CONTINUATION without HEADERS', protocolError, [frame(type.continuation, 4, 1)]],
    [
      '§6.10 CONTINUATION behind a complete block',
      protocolError,
      [headers(1), frame(type.continuation, 4, 1)],
    ],
    [
      'more settings in one frame than anybody needs',
      enhanceYourCalm,
      [frame(type.settings, 0, 0, Buffer.concat(Array<Buffer>(33).fill(setting(99, 1))))],
    ],
  ])('%s', async (_name, code, frames) => {
    const peer = await RawPeer.connect(harness.gateway.address);

    peer.send(...frames);

    const goaway = await peer.goaway();
    expect(goaway.code).toBe(code);
    expect(goaway.text).not.toBe('');
  });

  it('§3.4 something else than SETTINGS first', async () => {
    const peer = await RawPeer.silent(harness.gateway.address);

    peer.send(preface, frame(type.ping, 0, 0, zeros(8)));

    expect((await peer.goaway()).code).toBe(protocolError);
  });

  it('§5.1 HEADERS on a stream that has ended', async () => {
    const peer = await RawPeer.connect(harness.gateway.address);
    peer.send(headers(1, good, ended));
    await peer.first(({ kind, flags }) => kind === type.headers && (flags & ended) !== 0);

    peer.send(headers(1, good, ended));

    expect((await peer.goaway()).code).toBe(streamClosed);
  });
});

describe('one stream ends, and the others go on, when the client sends', () => {
  it.each<[string, number, Buffer[]]>([
    [
      '§5.1 DATA behind the end of its direction',
      streamClosed,
      [headers(1, good, ended), frame(type.data, 0, 1, zeros(1))],
    ],
    [
      '§5.1 HEADERS behind the end of its direction',
      streamClosed,
      [headers(1, good, ended), headers(1, good, ended)],
    ],
    [
      '§6.3 PRIORITY of another length',
      frameSizeError,
      [headers(1), frame(type.priority, 0, 1, zeros(4))],
    ],
    [
      '§6.9 WINDOW_UPDATE of 0',
      protocolError,
      [headers(1), frame(type.windowUpdate, 0, 1, uint32(0))],
    ],
    [
      '§6.9.1 a stream window above its maximum',
      flowControlError,
      [headers(1), frame(type.windowUpdate, 0, 1, uint32(2 ** 31 - 1))],
    ],
    ['§8.1 trailers without END_STREAM', protocolError, [headers(1), headers(1, ['a', 'b'])]],
    [
      '§8.1 a pseudo-header in trailers',
      protocolError,
      [headers(1), headers(1, [':path', '/'], ended)],
    ],
    [
      '§8.1.1 more data than content-length',
      protocolError,
      [headers(1, callHeaders({}, 'content-length', '3')), frame(type.data, 0, 1, zeros(4))],
    ],
    [
      '§8.1.1 less data than content-length',
      protocolError,
      [headers(1, callHeaders({}, 'content-length', '3')), frame(type.data, ended, 1, zeros(2))],
    ],
    [
      '§8.1.1 no data for a content-length',
      protocolError,
      [headers(1, callHeaders({}, 'content-length', '3'), ended)],
    ],
    [
      '§8.1.1 trailers before the content-length is reached',
      protocolError,
      [headers(1, callHeaders({}, 'content-length', '3')), headers(1, ['a', 'b'], ended)],
    ],
    [
      'a content-length that is no number',
      protocolError,
      [headers(1, callHeaders({}, 'content-length', '-1'))],
    ],
    [
      'two content-lengths',
      protocolError,
      [headers(1, callHeaders({}, 'content-length', '1', 'content-length', '1'))],
    ],
    ['§8.2.1 upper case in a name', protocolError, [headers(1, callHeaders({}, 'X-Upper', '1'))]],
    ['§8.2.1 an empty name', protocolError, [headers(1, callHeaders({}, '', '1'))]],
    ['§8.2.1 a space in a name', protocolError, [headers(1, callHeaders({}, 'a b', '1'))]],
    ['§8.2.1 a colon within a name', protocolError, [headers(1, callHeaders({}, 'a:b', '1'))]],
    ['§8.2.1 CR in a value', protocolError, [headers(1, callHeaders({}, 'a', 'x\ry'))]],
    ['§8.2.1 LF in a value', protocolError, [headers(1, callHeaders({}, 'a', 'x\ny'))]],
    ['§8.2.1 NUL in a value', protocolError, [headers(1, callHeaders({}, 'a', 'x\0y'))]],
    ['§8.2.1 CR LF in a path', protocolError, [headers(1, callHeaders({ ':path': '/a\r\nb: c' }))]],
    ['§8.2.1 white space around a value', protocolError, [headers(1, callHeaders({}, 'a', ' x'))]],
    ['§8.2.2 connection', protocolError, [headers(1, callHeaders({}, 'connection', 'close'))]],
    [
      '§8.2.2 transfer-encoding',
      protocolError,
      [headers(1, callHeaders({}, 'transfer-encoding', 'chunked'))],
    ],
    ['§8.2.2 upgrade', protocolError, [headers(1, callHeaders({}, 'upgrade', 'h2c'))]],
    ['§8.2.2 keep-alive', protocolError, [headers(1, callHeaders({}, 'keep-alive', '1'))]],
    ['§8.2.2 te other than trailers', protocolError, [headers(1, callHeaders({ te: 'gzip' }))]],
    ['§8.3 a pseudo-header behind a field', protocolError, [headers(1, ['a', 'b', ...good])]],
    ['§8.3 an unknown pseudo-header', protocolError, [headers(1, [':protocol', 'x', ...good])]],
    ['§8.3 a pseudo-header of responses', protocolError, [headers(1, [':status', '200', ...good])]],
    ['§8.3.1 no :method', protocolError, [headers(1, callHeaders({ ':method': undefined }))]],
    ['§8.3.1 no :scheme', protocolError, [headers(1, callHeaders({ ':scheme': undefined }))]],
    ['§8.3.1 no :path', protocolError, [headers(1, callHeaders({ ':path': undefined }))]],
    ['§8.3.1 an empty :path', protocolError, [headers(1, callHeaders({ ':path': '' }))]],
    ['§8.3.1 :path twice', protocolError, [headers(1, [':path', '/a.B/C', ...good])]],
    ['two hosts', protocolError, [headers(1, callHeaders({}, 'host', 'a', 'host', 'b'))]],
  ])('%s', async (_name, code, frames) => {
    const peer = await RawPeer.connect(harness.gateway.address);

    peer.send(...frames);

    expect(await peer.resetOf(1)).toBe(code);
    peer.send(headers(3), frame(type.data, ended, 3, Buffer.from([0, 0, 0, 0, 1, 7])));
    const trailers = ({
      kind,
      flags,
      streamId,
    }: {
      kind: number;
      flags: number;
      streamId: number;
    }): boolean => kind === type.headers && streamId === 3 && (flags & ended) !== 0;
    await peer.first(trailers);
    expect(peer.closed).toBe(false);
    peer.destroy();
  });

  it('§6.9.1 more than the stream window', async () => {
    const own = await Harness.start();
    await own.backend('deaf', { Bidi: (pausing: { pause(): void }) => void pausing.pause() });
    own.registerAll();
    const peer = await RawPeer.connect(own.gateway.address);
    peer.send(headers(1));

    for (let count = 0; count < 40; count += 1) peer.send(frame(type.data, 0, 1, zeros(16_384)));

    expect(await peer.resetOf(1)).toBe(flowControlError);
    expect(peer.closed).toBe(false);
    peer.destroy();
    await own.close();
  });

  it('§5.1.2 more streams than it may, and REFUSED_STREAM says that it may try again', async () => {
    const small = await Harness.start({ connectionStreamsMax: 2 });
    const backend = await small.backend();
    small.registerAll();
    const peer = await RawPeer.connect(small.gateway.address);

    peer.send(headers(1), headers(3), headers(5));

    expect(await peer.resetOf(5)).toBe(http2Code.refusedStream);
    await eventually(() => backend.calls === 2, 'the others are served');
    peer.destroy();
    await small.close();
  });
});

describe('what is allowed and rare is taken', () => {
  it.each<[string, Buffer[]]>([
    ['unknown frame types', [frame(0xbb, 0xff, 0, zeros(20))]],
    ['unknown settings', [frame(type.settings, 0, 0, setting(0x99, 5))]],
    [
      'PRIORITY, also of a stream on itself',
      [frame(type.priority, 0, 1, Buffer.concat([uint32(1), zeros(1)]))],
    ],
    ['GOAWAY', [frame(type.goaway, 0, 0, zeros(8))]],
  ])('%s', async (name, frames) => {
    const peer = await RawPeer.connect(harness.gateway.address);

    peer.send(headers(1), ...frames, frame(type.data, ended, 1, Buffer.from([0, 0, 0, 0, 0])));

    const trailers = await peer.first(
      ({ kind, flags }) => kind === type.headers && (flags & ended) !== 0,
    );
    expect([name, trailers.streamId]).toEqual([name, 1]);
    peer.destroy();
  });

  it('padding of HEADERS and DATA, which counts for the windows', async () => {
    const peer = await RawPeer.connect(harness.gateway.address);
    const padded = (length: number, payload: Buffer): Buffer =>
      Buffer.concat([Buffer.from([length]), payload, zeros(length)]);
    peer.send(frame(type.headers, flag.endHeaders | flag.padded, 1, padded(9, block(...good))));

    // Far more padding than any window: it has to be given back.
    for (let count = 0; count < 3000; count += 1)
      peer.send(
        frame(
          type.data,
          flag.padded,
          1,
          padded(255, count === 0 ? Buffer.from([0, 0, 0, 11, 183]) : Buffer.from([1])),
        ),
      );
    peer.send(frame(type.data, ended, 1));

    const data = (): number =>
      peer.frames
        .filter(({ kind }) => kind === type.data)
        .reduce((sum, { payload }) => sum + payload.length, 0);
    await eventually(() => data() === 5 + 2999, 'the message has come back');
    expect(peer.closed).toBe(false);
    peer.destroy();
  });

  it('frames that cross a reset of ours', async () => {
    const peer = await RawPeer.connect(harness.gateway.address);
    peer.send(headers(1, callHeaders({}, 'Bad', '1')));
    await peer.resetOf(1);

    peer.send(
      frame(type.data, 0, 1, zeros(100)),
      frame(type.windowUpdate, 0, 1, uint32(5)),
      headers(1, ['a', 'b'], ended),
      frame(type.reset, 0, 1, uint32(8)),
    );
    await peer.sync();

    expect(peer.frames.filter(({ kind }) => kind === type.goaway)).toEqual([]);
    peer.destroy();
  });
});

describe('a connection to an instance ends when the instance sends', () => {
  it.each<[string, number, Buffer[]]>([
    ['PUSH_PROMISE', protocolError, [frame(type.push, 4, 1, zeros(4))]],
    ['ENABLE_PUSH 1', protocolError, [frame(type.settings, 0, 0, setting(2, 1))]],
    ['HEADERS on an idle stream', protocolError, [headers(101, [':status', '200'])]],
    ['HEADERS on an even stream', protocolError, [headers(2, [':status', '200'])]],
    [
      'a block that is no HPACK',
      compressionError,
      [frame(type.headers, 4, 1, Buffer.from([0x80]))],
    ],
    ['a frame that is too large', frameSizeError, [frame(type.data, 0, 1, zeros(20_000))]],
  ])('%s, and the call is UNAVAILABLE', async (_name, code, frames) => {
    const server = await new RawServer((peer) => {
      void peer
        .first(({ kind }) => kind === type.headers)
        .then(
          () => peer.send(...frames),
          () => undefined,
        );
    }).start();
    const own = await Harness.start();
    own.view.set(instanceOf(server.address));

    const outcome = await own.client().unary('x');

    expect(outcome.code).toBe(14);
    const ends = await Promise.all(
      server.peers.map((peer) => peer.goaway().catch(() => undefined)),
    );
    expect(ends.map((end) => end?.code)).toContain(code);
    await own.close();
    await server.stop();
  });

  it.each<[string, string[], number]>([
    ['no :status', ['a', 'b'], 0],
    ['a status of letters', [':status', 'abc'], 0],
    ['two of them', [':status', '200', ':status', '200'], 0],
    ['upper case', [':status', '200', 'X', 'y'], 0],
    ['LF in a value', [':status', '200', 'x', 'a\nb'], 0],
    ['connection', [':status', '200', 'connection', 'close'], 0],
    ['an interim response that ends', [':status', '100'], ended],
    ['a content-length and no data', [':status', '200', 'content-length', '5'], ended],
  ])('a response with %s fails the call alone', async (_name, pairs, flags) => {
    const server = await new RawServer((peer) => {
      void peer
        .first(({ kind }) => kind === type.headers)
        .then(
          () => peer.send(headers(1, pairs, flags)),
          () => undefined,
        );
    }).start();
    const own = await Harness.start();
    own.view.set(instanceOf(server.address, { grpcServices: ['test.Echo'] }));

    const outcome = await own.client().unary('x');

    expect(outcome.code).toBe(13);
    // One of the peers is the client that learns the instance's schema; the other one is the gateway's own.
    const isReset = ({ closed, frames }: RawPeer): boolean =>
      !closed &&
      frames.some(({ kind, payload }) => kind === type.reset && payload[3] === protocolError);
    await eventually(() => server.peers.some(isReset), 'a reset on a connection that lives');
    await own.close();
    await server.stop();
  });
});
