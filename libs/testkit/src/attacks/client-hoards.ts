import {
  callHeaders,
  flag,
  frame,
  headers,
  preface,
  RawPeer,
  setting,
  type,
  uint32,
} from '@raftway/http2/testing';
import { again, type Attack, byClient, hold, KEPT, many, pour, type Stage } from './attack';
import { open, streamIdAt } from './calls';

const INITIAL_WINDOW = 4;
const CALLS = 100;
const HOLD_MS = 1_000;

const largeCalls = many(CALLS, (at) => open(streamIdAt(at), 'Large', flag.endStream));

/** One byte of credit for each call, over and over. */
const dribble = many(CALLS, (at) => frame(type.windowUpdate, 0, streamIdAt(at), uint32(1)));

/** One-byte DATA: less of it than the windows that the gateway gives, which only bound bytes. */
async function oneByteData(stage: Stage, peer: RawPeer): Promise<void> {
  const [streams, rounds] = [20, 15];
  for (let at = 0; at < streams && !peer.closed; at += 1) {
    const id = streamIdAt(at);
    peer.send(open(id, 'Deaf'));
    const batch = many(1000, () => frame(type.data, 0, id, Buffer.from([1])));
    await pour(stage, peer, () => batch, rounds);
  }
  await hold(stage, peer, HOLD_MS);
}

/** What the TCP connection is opened for and never said. */
async function silence(stage: Stage): Promise<void> {
  const beginnings = ['', 'PRI * HTTP', 'POST /attack HTTP/1.1\r\nx: ', '\x16\x03\x01\x02\x00'];
  const peers: RawPeer[] = [];
  await again(
    stage,
    () => RawPeer.silent(stage.gateway, KEPT),
    async (first, turn) => {
      for (let at = 0; at < 10; at += 1) peers.push(await RawPeer.silent(stage.gateway, KEPT));
      for (const peer of [first, ...peers.slice(-10)])
        peer.send(Buffer.from(beginnings[turn % beginnings.length] ?? '', 'latin1'));
      // At most so many at once.
      while (peers.length > 500) peers.shift()?.destroy();
    },
  );
  for (const peer of peers) peer.destroy();
}

/** SETTINGS of the gateway that are never acknowledged, with a call that is open. */
async function unacknowledged(stage: Stage): Promise<void> {
  const peers: RawPeer[] = [];
  await again(
    stage,
    () => RawPeer.silent(stage.gateway, KEPT),
    async (peer) => {
      peer.send(preface, frame(type.settings, 0, 0), open(1, 'Quiet'));
      peers.push(await RawPeer.silent(stage.gateway, KEPT));
      peers.at(-1)?.send(preface, frame(type.settings, 0, 0), open(1, 'Quiet'));
      while (peers.length > 200) peers.shift()?.destroy();
    },
  );
  for (const peer of peers) peer.destroy();
}

/** A connection after which the gateway has to clean up: it ends in a protocol error with calls open. */
function untidy(name: string, what: string, ending: Uint8Array): Attack {
  const calls = many(10, (at) => open(streamIdAt(at), 'Quiet'));
  return byClient(name, what, async (stage, peer) => {
    peer.send(calls, ending);
    await hold(stage, peer, HOLD_MS);
  });
}

/** What holds memory or connections, from the client's side. */
export const clientHoards: readonly Attack[] = [
  byClient(
    'zero-window',
    'large answers asked for, with a window of nothing',
    async (stage, peer) => {
      peer.send(largeCalls);
      await hold(stage, peer, HOLD_MS);
    },
    setting(INITIAL_WINDOW, 0),
  ),
  byClient(
    'data-dribble',
    'answers taken byte by byte (CVE-2019-9511)',
    async (stage, peer) => {
      peer.send(largeCalls);
      await pour(stage, peer, () => dribble);
    },
    setting(INITIAL_WINDOW, 0),
  ),
  byClient(
    'unread-answers',
    'large answers with open windows, and a socket that is not read (CVE-2019-9517)',
    async (stage, peer) => {
      peer.socket.pause();
      peer.send(frame(type.windowUpdate, 0, 0, uint32(2 ** 30)), largeCalls);
      await hold(stage, peer, HOLD_MS);
    },
    setting(INITIAL_WINDOW, 2 ** 31 - 1),
  ),
  byClient('one-byte-data', 'DATA of one byte to an instance that does not read', oneByteData),
  { name: 'silence', what: 'connections that never say what they want', run: silence },
  { name: 'unacknowledged', what: 'SETTINGS that are never acknowledged', run: unacknowledged },
  untidy(
    'window-overflow',
    'a window above its maximum, with calls open (CVE-2026-21714)',
    frame(type.windowUpdate, 0, 0, uint32(2 ** 31 - 1)),
  ),
  untidy(
    'goaway-then-garbage',
    'GOAWAY and then a broken protocol (CVE-2026-48937)',
    Buffer.concat([
      frame(type.goaway, 0, 0, Buffer.alloc(8)),
      frame(type.ping, 0, 1, Buffer.alloc(3)),
    ]),
  ),
  byClient('abrupt-end', 'TCP connections reset with calls in every state', (_stage, peer) => {
    peer.send(
      open(1, 'Large', flag.endStream),
      open(3, 'Quiet'),
      frame(type.data, 0, 3, Buffer.alloc(8_000)),
      headers(5, callHeaders({ ':path': '/grpc.health.v1.Health/Watch' })),
      frame(type.headers, 0, 7, Buffer.from([0])),
    );
    peer.socket.resetAndDestroy();
    return Promise.resolve();
  }),
];
