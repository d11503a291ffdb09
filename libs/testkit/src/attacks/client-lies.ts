import { gzipSync } from 'node:zlib';
import {
  callHeaders,
  flag,
  frame,
  headers,
  preface,
  RawPeer,
  setting,
  type,
} from '@raftway/http2/testing';
import { seededRandom } from '../random';
import { again, type Attack, byClient, hold, KEPT, many, pour, type Stage } from './attack';
import { open, pathOf, streamIdAt } from './calls';
import { FORBIDDEN, TARGET_SERVICE } from './target';

const MEBIBYTE = 1024 * 1024;

/** Paths that look like one of the target's to somebody who is less strict. */
const paths = [
  `${TARGET_SERVICE}/${FORBIDDEN}`,
  `//${TARGET_SERVICE}/${FORBIDDEN}`,
  `/${TARGET_SERVICE}/${FORBIDDEN}/`,
  `/${TARGET_SERVICE}//${FORBIDDEN}`,
  `/${TARGET_SERVICE}%2F${FORBIDDEN}`,
  `/${TARGET_SERVICE}/Take%2f${FORBIDDEN}`,
  `/${TARGET_SERVICE}/Take?${FORBIDDEN}`,
  `/${TARGET_SERVICE}/Take#${FORBIDDEN}`,
  `/./${TARGET_SERVICE}/${FORBIDDEN}`,
  `/x/../${TARGET_SERVICE}/${FORBIDDEN}`,
  `/${TARGET_SERVICE.toUpperCase()}/${FORBIDDEN}`,
  `http://x/${TARGET_SERVICE}/${FORBIDDEN}`,
  `/${TARGET_SERVICE}/Take;${FORBIDDEN}`,
  `/${TARGET_SERVICE}\\${FORBIDDEN}`,
  `/${TARGET_SERVICE}/Take\0${FORBIDDEN}`,
];

/** Header lists of which the marked part must not arrive anywhere. */
const smuggled: readonly string[][] = [
  ['x', `a\r\n${FORBIDDEN}: 1`],
  ['x', `a\n${FORBIDDEN}`],
  ['x', `a\0${FORBIDDEN}`],
  [`x\r\n${FORBIDDEN}`, 'a'],
  [`X-${FORBIDDEN}`, 'a'],
  [`x ${FORBIDDEN}`, 'a'],
  [`x:${FORBIDDEN}`, 'a'],
  ['connection', FORBIDDEN],
  ['keep-alive', FORBIDDEN],
  ['proxy-connection', FORBIDDEN],
  ['transfer-encoding', FORBIDDEN],
  ['upgrade', FORBIDDEN],
  ['te', FORBIDDEN],
  ['content-length', '5', 'content-length', '6', 'x', FORBIDDEN],
  ['content-length', '+5', 'x', FORBIDDEN],
  [':path', `/${TARGET_SERVICE}/Take`, 'x', FORBIDDEN],
  ['x', FORBIDDEN, ':authority', 'y'],
  ['host', 'a', 'host', FORBIDDEN],
  ['x-forwarded-for', FORBIDDEN],
  ['x-forwarded-host', FORBIDDEN],
  ['x-forwarded-proto', FORBIDDEN],
  ['x-real-ip', FORBIDDEN],
  ['forwarded', `for=${FORBIDDEN}`],
];

/** Messages that lie about themselves; the gateway reads those to its own services, and passes on the others. */
const messages: readonly Buffer[] = [
  Buffer.from([0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3]),
  Buffer.from([0, 0x7f, 0xff, 0xff, 0xff]),
  Buffer.from([1, 0, 0, 0, 4, 1, 2, 3, 4]),
  Buffer.from([0xff, 0, 0, 0, 1, 1]),
  Buffer.from([0, 0, 0]),
  Buffer.from([0, 0, 0, 0, 9, 0x0a, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
  many(500, () => Buffer.from([0, 0, 0, 0, 0])),
  prefixed(1, gzipSync(Buffer.alloc(8 * MEBIBYTE))),
  prefixed(1, Buffer.concat([gzipSync(Buffer.from('x')).subarray(0, 12), Buffer.alloc(8, 0xee)])),
];

function prefixed(flags: number, bytes: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

const readers = [
  '/grpc.health.v1.Health/Check',
  '/grpc.health.v1.Health/Watch',
  '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo',
  '/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo',
  pathOf('Take'),
];

function lyingMessage(id: number, index: number): Buffer {
  const path = readers[index % readers.length];
  const message = messages[index % messages.length] ?? Buffer.alloc(0);
  const encoding = index % 2 === 0 ? 'gzip' : 'identity';
  return Buffer.concat([
    headers(id, callHeaders({ ':path': path }, 'grpc-encoding', encoding)),
    frame(type.data, flag.endStream, id, message),
  ]);
}

/** Beginnings of calls that are wrong in some way, as well-formed HTTP/2 (CVE-2026-48068). */
const starts: readonly string[][] = [
  callHeaders({ ':path': undefined }),
  callHeaders({ ':method': 'GET' }),
  callHeaders({ ':method': 'CONNECT' }),
  callHeaders({ ':scheme': undefined }),
  callHeaders({ 'content-type': undefined }),
  callHeaders({ 'content-type': 'text/html' }),
  callHeaders({ 'content-type': 'application/grpc-web-text' }),
  callHeaders({ ':authority': undefined }),
  callHeaders({}, 'grpc-timeout', '99999999999H'),
  callHeaders({}, 'grpc-timeout', '-1S'),
  callHeaders({}, 'grpc-encoding', 'no-such-thing'),
  callHeaders({}, 'x-bin', '%%%'),
  callHeaders({}, 'x', 'v'.repeat(15_000)),
  callHeaders({}, ...Array.from({ length: 600 }, () => ['x', 'y']).flat()),
];

/** Each lie on a connection with others, a connection of its own when it is closed for it. */
function lies(name: string, what: string, lie: (id: number, index: number) => Uint8Array): Attack {
  let next = 0;
  return byClient(name, what, async (stage, peer) => {
    await pour(
      stage,
      peer,
      (round) => many(5, (at) => lie(streamIdAt(round * 5 + at), next++)),
      20,
    );
    await hold(stage, peer, 20);
    if (stage.target.violations.size > 0)
      throw new Error(`an instance was reached by ${[...stage.target.violations].join('; ')}`);
  });
}

/** Frames of any kind, in any order, between good ones. */
async function fuzz(stage: Stage): Promise<void> {
  const random = seededRandom(1);
  const any = (): Buffer => {
    if (random.chance(0.3)) return open(streamIdAt(random.integer(0, 8)), 'Take');
    const payload = Buffer.from(
      Array.from({ length: random.integer(0, 40) }, () => random.integer(0, 255)),
    );
    if (random.chance(0.05)) return payload;
    return frame(random.integer(0, 12), random.integer(0, 255), random.integer(0, 15), payload);
  };
  await again(
    stage,
    () => RawPeer.silent(stage.gateway, KEPT),
    async (peer) => {
      const count = random.integer(1, 30);
      const settings = random.chance(0.5)
        ? setting(random.integer(1, 6), random.integer(0, 70_000))
        : undefined;
      peer.send(
        preface,
        frame(type.settings, 0, 0, settings),
        frame(type.settings, flag.ack, 0),
        many(count, any),
      );
      await hold(stage, peer, 5);
    },
  );
}

/** What says something else than it is, from the client's side. */
export const clientLies: readonly Attack[] = [
  lies('paths', 'paths that are almost those of a method (CVE-2026-33186)', (id, index) =>
    headers(id, callHeaders({ ':path': paths[index % paths.length] }), flag.endStream),
  ),
  lies('smuggling', 'header lists with more in them than they show', (id, index) =>
    headers(
      id,
      callHeaders({ ':path': pathOf('Take') }, ...(smuggled[index % smuggled.length] ?? [])),
      flag.endStream,
    ),
  ),
  lies('malformed-starts', 'calls that begin wrongly (CVE-2026-48068)', (id, index) =>
    headers(id, starts[index % starts.length], flag.endStream),
  ),
  lies(
    'malformed-messages',
    'lengths, flags and gzip that lie (CVE-2026-48069, CVE-2024-37168)',
    lyingMessage,
  ),
  { name: 'fuzz', what: 'random frames', run: fuzz },
];
