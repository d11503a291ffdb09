import { http2Code } from '@raftway/http2';
import { instanceOf } from './support/fake-view';
import { eventually, Harness } from './support/harness';
import {
  block,
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

/*
 * The attack classes that HTTP/2 implementations have fallen to. Each is run beside an honest client, which has to be served all the while; the attacker is
 * bounded or closed, and nothing of it stays.
 */

const { enhanceYourCalm, flowControlError } = http2Code;
const zeros = (count: number): Buffer => Buffer.alloc(count);
const message = Buffer.from([0, 0, 0, 0, 1, 7]);

let harness: Harness;

beforeEach(async () => {
  harness = await Harness.start({ streamResetBurst: 100, streamResetsPerSecond: 10 });
  await harness.backend();
  harness.registerAll();
  await harness.client().unary('warm');
});

afterEach(async () => {
  expect((await harness.client().unary('after')).code).toBe(0);
  await eventually(() => harness.gateway.bufferedBytes === 0, 'nothing is held any more');
  await harness.close();
});

/** Sends batches until the connection ends, with honest calls in between, and yields the GOAWAY. */
async function ended(
  batch: (round: number) => Buffer[],
  rounds = 200,
): ReturnType<RawPeer['goaway']> {
  const peer = await RawPeer.connect(harness.gateway.address);
  const honest = harness.client();
  for (let round = 0; round < rounds && !peer.closed; round += 1) {
    peer.send(...batch(round));
    if (round % 10 === 0) expect((await honest.unary('honest')).code).toBe(0);
    else await new Promise((resolve) => setImmediate(resolve));
  }
  return await peer.goaway();
}

/** … and yields its code. */
async function attack(batch: (round: number) => Buffer[], rounds?: number): Promise<number> {
  return (await ended(batch, rounds)).code;
}

const many = (count: number, make: (index: number) => Buffer): Buffer[] =>
  Array.from({ length: count }, (_, index) => make(index));

describe('a client that floods is closed with ENHANCE_YOUR_CALM:', () => {
  it('rapid reset (CVE-2023-44487)', async () => {
    const batch = (round: number): Buffer[] =>
      many(20, (index) => {
        const id = 1 + 2 * (round * 20 + index);
        return Buffer.concat([headers(id), frame(type.reset, 0, id, uint32(8))]);
      });

    expect(await attack(batch)).toBe(enhanceYourCalm);
  });

  it.each<[string, (id: number) => Buffer[]]>([
    ['WINDOW_UPDATE of 0', (id) => [headers(id), frame(type.windowUpdate, 0, id, uint32(0))]],
    [
      'a window overflow',
      (id) => [headers(id), frame(type.windowUpdate, 0, id, uint32(2 ** 31 - 1))],
    ],
    ['DATA behind the end', (id) => [headers(id, good, 1), frame(type.data, 0, id, zeros(1))]],
    ['PRIORITY of another length', (id) => [headers(id), frame(type.priority, 0, id, zeros(4))]],
    ['malformed requests', (id) => [headers(id, ['x', 'y'])]],
  ])('resets that it provokes by %s (MadeYouReset, CVE-2025-8671)', async (_name, frames) => {
    const batch = (round: number): Buffer[] =>
      many(20, (index) => Buffer.concat(frames(1 + 2 * (round * 20 + index))));

    expect(await attack(batch)).toBe(enhanceYourCalm);
  });

  it.each<[string, Buffer]>([
    ['PING (CVE-2019-9512)', frame(type.ping, 0, 0, zeros(8))],
    ['answers to PINGs that nobody sent', frame(type.ping, flag.ack, 0, zeros(8))],
    ['SETTINGS (CVE-2019-9515)', frame(type.settings, 0, 0, setting(99, 1))],
    ['PRIORITY (CVE-2019-9513)', frame(type.priority, 0, 1, zeros(5))],
    ['WINDOW_UPDATE', frame(type.windowUpdate, 0, 0, uint32(1))],
    ['unknown frames', frame(0x55, 0, 0, zeros(3))],
    ['GOAWAY (CVE-2025-23085)', frame(type.goaway, 0, 0, zeros(8))],
  ])('%s', async (_name, one) => {
    const calls = (round: number): Buffer[] => [
      ...(round === 0 ? [headers(1)] : []),
      ...many(100, () => one),
    ];

    expect(await attack(calls)).toBe(enhanceYourCalm);
  });

  it('empty DATA (CVE-2019-9518)', async () => {
    const batch = (round: number): Buffer[] => [
      ...(round === 0 ? [headers(1)] : []),
      ...many(100, () => frame(type.data, 0, 1)),
    ];

    expect(await attack(batch)).toBe(enhanceYourCalm);
  });

  it.each<[string, number]>([
    ['empty CONTINUATIONs', 0],
    ['full CONTINUATIONs', 16_384],
  ])('%s (CVE-2024-27316)', async (_name, bytes) => {
    const batch = (round: number): Buffer[] => [
      ...(round === 0 ? [frame(type.headers, 0, 1, block(...good))] : []),
      ...many(5, () => frame(type.continuation, 0, 1, zeros(bytes))),
    ];

    expect(await attack(batch)).toBe(enhanceYourCalm);
  });
});

describe('a client that wants too much gets no more than its share:', () => {
  it.each<[string, number, string]>([
    ['large header lists end their streams, and are counted', 300, 'too many resets'],
    ['a header bomb ends its connection', 16_000, 'a header list far beyond the limit'],
  ])('%s', async (_name, fields, said) => {
    // One field of 3 KB in the table, named so many times.
    const insert = block('x', 'v'.repeat(3000));
    insert[0] = 0x40;
    const first = frame(
      type.headers,
      flag.endHeaders | 1,
      1,
      Buffer.concat([insert, block(...good)]),
    );
    const bomb = (id: number): Buffer =>
      frame(type.headers, flag.endHeaders | 1, id, Buffer.alloc(fields, 0xbe));

    const { code, text } = await ended((round) => [
      ...(round === 0 ? [first] : []),
      ...many(5, (index) => bomb(3 + 2 * (round * 5 + index))),
    ]);

    expect([code, text]).toEqual([enhanceYourCalm, said]);
  });

  it('DATA on a stream that was reset is let pass as far as its window went', async () => {
    const peer = await RawPeer.connect(harness.gateway.address);
    // As it was announced; what is smaller than 64 KiB holds only after the acknowledgement.
    const window = 262_144;
    const piece = frame(type.data, 0, 1, zeros(16_384));
    peer.send(headers(1), frame(type.windowUpdate, 0, 1, uint32(0)));
    await peer.first(({ kind }) => kind === type.reset);

    peer.send(...many(window / 16_384, () => piece), frame(type.ping, 0, 0, zeros(8)));
    await peer.first(({ kind, flags }) => kind === type.ping && flags === flag.ack);
    expect(peer.closed).toBe(false);
    peer.send(piece);

    expect(await peer.goaway()).toEqual(
      expect.objectContaining({ code: flowControlError, text: 'DATA goes on after the reset' }),
    );
  });

  it('a zero window holds a bounded number of bytes for each call', async () => {
    const peer = await RawPeer.connect(harness.gateway.address, { settings: setting(4, 0) });
    const path = good.map((text) =>
      text === '/test.Echo/Bidi' ? '/test.Echo/ServerStream' : text,
    );
    const wanted = Buffer.concat([Buffer.from([0, 0, 0, 0, 8]), Buffer.from('99x99999')]);

    for (let call = 0; call < 4; call += 1)
      peer.send(headers(1 + 2 * call, path), frame(type.data, 1, 1 + 2 * call, wanted));
    await eventually(() => harness.gateway.bufferedBytes >= 4 * 16_384, 'the answers have begun');
    expect((await harness.client().unary('honest')).code).toBe(0);

    expect(harness.gateway.bufferedBytes).toBeLessThanOrEqual(4 * 65_536);
    peer.destroy();
  });

  it('what waits for all calls of one connection is bounded, too', async () => {
    const small = await Harness.start({ connectionMemoryBytesMax: 1_000_000 });
    small.view.set(...harness.view.instances('echo'));
    const peer = await RawPeer.connect(small.gateway.address, { settings: setting(4, 0) });
    const path = good.map((text) =>
      text === '/test.Echo/Bidi' ? '/test.Echo/ServerStream' : text,
    );
    const wanted = Buffer.concat([Buffer.from([0, 0, 0, 0, 8]), Buffer.from('99x99999')]);

    for (let call = 0; call < 60; call += 1)
      peer.send(headers(1 + 2 * call, path), frame(type.data, 1, 1 + 2 * call, wanted));
    const refused = await peer.first(({ kind }) => kind === type.reset);

    expect(refused.payload.readUInt32BE(0)).toBe(enhanceYourCalm);
    expect(small.gateway.bufferedBytes).toBeLessThanOrEqual(1_000_000);
    peer.destroy();
    await small.close();
  });

  it('a client that reads nothing does not keep the instance from answering others', async () => {
    const small = await Harness.start({ connectionMemoryBytesMax: 1_000_000 });
    small.view.set(...harness.view.instances('echo'));
    const peer = await RawPeer.connect(small.gateway.address, { settings: setting(4, 0) });
    const path = good.map((text) =>
      text === '/test.Echo/Bidi' ? '/test.Echo/ServerStream' : text,
    );
    const wanted = Buffer.concat([Buffer.from([0, 0, 0, 0, 8]), Buffer.from('99x99999')]);
    for (let call = 0; call < 20; call += 1)
      peer.send(headers(1 + 2 * call, path), frame(type.data, 1, 1 + 2 * call, wanted));
    await eventually(() => small.gateway.bufferedBytes > 250_000, 'much is held for it');

    const outcome = await small.client().unary(Buffer.alloc(300_000));

    expect(outcome.messages[0]?.length).toBe(300_000);
    peer.destroy();
    await small.close();
  });

  it('one-byte DATA costs no more than its bytes', async () => {
    const own = await Harness.start();
    await own.backend('deaf', { Bidi: (call: { pause(): void }) => void call.pause() });
    own.registerAll();
    const peer = await RawPeer.connect(own.gateway.address);
    peer.send(headers(1));
    global.gc?.();
    const before = process.memoryUsage().heapUsed;

    for (let round = 0; round < 100; round += 1) {
      peer.send(...many(1000, () => frame(type.data, 0, 1, Buffer.from([1]))));
      await new Promise((resolve) => setImmediate(resolve));
    }
    await peer.sync();

    expect(own.gateway.bufferedBytes).toBeLessThanOrEqual(262_144);
    global.gc?.();
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(60_000_000);
    peer.destroy();
    await own.close();
  });

  it('a client that asks and never reads is not read any more either', async () => {
    const peer = await RawPeer.connect(harness.gateway.address);
    peer.socket.pause();
    const unknown = good.map((text) => (text === '/test.Echo/Bidi' ? '/no.Such/Method' : text));
    let sent = 0;
    for (
      let id = 1;
      id < 200_000 && !peer.closed && peer.socket.writableLength < 2_000_000;
      id += 2
    ) {
      peer.send(headers(id, unknown, 1));
      sent += 1;
      if (id % 1000 === 1) await new Promise((resolve) => setImmediate(resolve));
    }

    expect(sent).toBeLessThan(100_000);
    expect((await harness.client().unary('honest')).code).toBe(0);
    peer.destroy();
  });

  it('a client that never acknowledges SETTINGS is told so', async () => {
    const own = await Harness.start({ keepaliveTimeoutMs: 500 });
    own.view.set(...harness.view.instances('echo'));
    const peer = await RawPeer.silent(own.gateway.address);
    peer.send(preface, frame(type.settings, 0, 0), headers(1), frame(type.data, 1, 1, message));
    await peer.first(({ kind, streamId }) => kind === type.data && streamId === 1);

    expect((await peer.goaway()).code).toBe(http2Code.settingsTimeout);
    await own.close();
  });
});

describe('an instance that floods is closed, and its calls fail:', () => {
  it.each<[string, Buffer]>([
    ['PING', frame(type.ping, 0, 0, zeros(8))],
    ['SETTINGS', frame(type.settings, 0, 0)],
    ['WINDOW_UPDATE', frame(type.windowUpdate, 0, 0, uint32(1))],
    ['ORIGIN (CVE-2026-48619)', frame(0x0c, 0, 0, zeros(30))],
    ['ALTSVC', frame(0x0a, 0, 0, zeros(30))],
    ['interim responses', headers(1, [':status', '103'])],
    ['empty DATA', frame(type.data, 0, 1)],
  ])('%s', async (_name, one) => {
    const flood = (peer: RawPeer): void => {
      void peer
        .first(({ kind }) => kind === type.headers)
        .then(
          () =>
            peer.send(
              ...(one[3] === type.data ? [headers(1, [':status', '200'])] : []),
              ...many(5000, () => one),
            ),
          () => undefined,
        );
    };
    const server = await new RawServer(flood).start();
    const own = await Harness.start();
    own.view.set(instanceOf(server.address));

    const outcome = await own.client().unary('x');

    expect([2, 8, 13, 14]).toContain(outcome.code);
    const wasTold = ({ frames }: RawPeer): boolean =>
      frames.some(({ kind, payload }) => kind === type.goaway && payload[7] === enhanceYourCalm);
    await eventually(() => server.peers.some(wasTold), 'the instance is told why');
    await own.close();
    await server.stop();
  });
});
