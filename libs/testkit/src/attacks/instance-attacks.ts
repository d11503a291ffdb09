import { block, flag, frame, headers, setting, type, uint32 } from '@raftway/http2/testing';
import { type Attack, many, pour } from './attack';
import { byInstance, type Script } from './hostile-instance';

const MEBIBYTE = 1024 * 1024;
const INITIAL_WINDOW = 4;
const [REFUSED_STREAM, INTERNAL_ERROR] = [7, 2];
const zeros = (count: number): Buffer => Buffer.alloc(count);
const ok = [':status', '200', 'content-type', 'application/grpc'];

/** Sends the same over and over until the connection is closed, after the answer has begun when it `answers`. */
function flood(make: (streamId: number) => Uint8Array, answers = false): Script {
  return async (peer, streamId, stage) => {
    if (answers) peer.send(headers(streamId, ok));
    const batch = many(200, () => make(streamId));
    await pour(stage, peer, () => batch);
  };
}

/** Answers each call in this way. */
function answer(make: (streamId: number) => Uint8Array): Script {
  return (peer, streamId) => {
    peer.send(make(streamId));
    return Promise.resolve();
  };
}

/** … and closes the connection, in the middle of whatever it was. */
function answerAndClose(make: (streamId: number) => Uint8Array): Script {
  return async (peer, streamId) => {
    peer.send(make(streamId));
    await peer.drained(200);
    peer.socket.destroySoon();
  };
}

function bomb(streamId: number): Buffer {
  const insert = block('x', 'v'.repeat(3000));
  insert[0] = 0x40;
  const bytes = Buffer.concat([block(':status', '200'), insert, Buffer.alloc(12_000, 0xbe)]);
  return frame(type.headers, flag.endHeaders, streamId, bytes);
}

const continuation: Script = async (peer, streamId, stage) => {
  peer.send(frame(type.headers, 0, streamId, block(...ok)));
  const batch = many(20, (at) =>
    frame(type.continuation, 0, streamId, zeros(at % 2 === 0 ? 0 : 16_384)),
  );
  await pour(stage, peer, () => batch);
};

/** Five bytes in a frame of 261, all of which count for the windows. */
function paddedData(streamId: number): Buffer {
  return frame(
    type.data,
    flag.padded,
    streamId,
    Buffer.concat([Buffer.from([255]), zeros(5 + 255)]),
  );
}

/** Response headers with which the gateway must not do as it is told. */
const lies: readonly string[][] = [
  [':status', '200', 'x', 'a\r\nb: c'],
  [':status', '200', 'transfer-encoding', 'chunked'],
  [':status', '200', 'connection', 'close'],
  [':status', '200', 'X-Upper', 'a'],
  [':status', '200', '', ''],
  [':status', '999'],
  [':status', '99999999999'],
  [':status', '101', 'upgrade', 'h2c'],
  [':status', '200', ':status', '500'],
  [':status', '200', 'content-length', '-1'],
  [':status', '200', 'grpc-status', '4294967296'],
  [':status', '200', 'grpc-status', 'x', 'grpc-message', '%%%ZZ%'],
  [':status', '200', 'grpc-status', '2', 'grpc-status-details-bin', '!!!'],
  ['x', 'without a status'],
];

const lyingMessages: readonly Buffer[] = [
  Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1]),
  Buffer.from([1, 0, 0, 0, 4, 1, 2, 3, 4]),
  Buffer.from([0xee, 0, 0, 0, 0]),
  Buffer.from([0, 0]),
];

function lyingMessage(streamId: number): Buffer {
  const message = lyingMessages[(streamId >> 1) % lyingMessages.length] ?? zeros(0);
  return Buffer.concat([
    headers(streamId, [...ok, 'grpc-encoding', 'gzip']),
    frame(type.data, 0, streamId, message),
    headers(streamId, ['grpc-status', '0'], flag.endStream),
  ]);
}

const refusal = (code: number) => (id: number) => frame(type.reset, 0, id, uint32(code));

const plans: readonly (readonly [name: string, what: string, script: Script])[] = [
  ['ping', 'PING', flood(() => frame(type.ping, 0, 0, zeros(8)))],
  [
    'settings',
    'SETTINGS',
    flood(() => frame(type.settings, 0, 0, setting(INITIAL_WINDOW, 65_535))),
  ],
  [
    'window-update',
    'WINDOW_UPDATE of one byte',
    flood((id) => frame(type.windowUpdate, 0, id, uint32(1))),
  ],
  [
    'window-overflow',
    'windows above their maximum',
    answer((id) => many(2, (at) => frame(type.windowUpdate, 0, at * id, uint32(2 ** 31 - 1)))),
  ],
  ['priority', 'PRIORITY', flood((id) => frame(type.priority, 0, id, zeros(5)))],
  [
    'origin',
    'ORIGIN (CVE-2026-48619) and ALTSVC',
    flood((id) => frame(id % 4 === 1 ? 0x0c : 0x0a, 0, 0, zeros(30))),
  ],
  ['interim', 'interim responses without an end', flood((id) => headers(id, [':status', '103']))],
  ['empty-headers', 'empty header blocks', flood((id) => frame(type.headers, flag.endHeaders, id))],
  [
    'zero-length-headers',
    'fields without a name',
    answer((id) => headers(id, [':status', '200', '', ''])),
  ],
  ['empty-data', 'DATA without data', flood((id) => frame(type.data, 0, id), true)],
  [
    'one-byte-data',
    'DATA of one byte, without regard to windows',
    flood((id) => frame(type.data, 0, id, zeros(1)), true),
  ],
  [
    'large-data',
    'DATA without regard to windows',
    flood((id) => frame(type.data, 0, id, zeros(16_384)), true),
  ],
  ['padding', 'DATA that is mostly padding (data_frame_padding)', flood(paddedData, true)],
  ['continuation', 'a header block without an end', continuation],
  ['hpack-bomb', 'small blocks that decode to large lists', answer(bomb)],
  [
    'push',
    'pushed streams',
    answer((id) => frame(type.push, flag.endHeaders, id, Buffer.concat([uint32(2), block(...ok)]))),
  ],
  ['resets', 'every call reset', answer(refusal(INTERNAL_ERROR))],
  [
    'refusals',
    'every call refused unread, which asks for another try',
    answer(refusal(REFUSED_STREAM)),
  ],
  [
    'goaway',
    'GOAWAY for every call',
    answerAndClose((id) => frame(type.goaway, 0, 0, Buffer.concat([uint32(id), uint32(0)]))),
  ],
  [
    'broken-off',
    'connections that end within a frame',
    answerAndClose((id) => headers(id, ok).subarray(0, 12)),
  ],
  [
    'lying-headers',
    'response headers that are malformed',
    answer((id) => headers(id, lies[(id >> 1) % lies.length] ?? ok, flag.endStream)),
  ],
  ['lying-messages', 'lengths and flags that lie', answer(lyingMessage)],
  [
    'endless-message',
    'a message that never ends, within the windows',
    async (peer, id, stage) => {
      peer.send(headers(id, ok), frame(type.data, 0, id, Buffer.from([0, 0xff, 0xff, 0xff, 0xff])));
      // As much as a stream's window takes; the rest would be an error of flow control.
      await pour(
        stage,
        peer,
        () => frame(type.data, 0, id, zeros(8_192)),
        MEBIBYTE / 4 / 8_192 - 1,
      );
    },
  ],
];

/** What a hostile instance can do to the gateway. */
export const instanceAttacks: readonly Attack[] = plans.map((plan) => byInstance(...plan));
