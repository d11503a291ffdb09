import { PassThrough } from 'node:stream';
import type { ServerReadableStream } from '@grpc/grpc-js';
import type { raft as contracts } from '@raftway/contracts';
import { eventually } from '../../test/support/key-value';
import { encodeSnapshotFile } from '../storage/snapshot-file';
import { Admission, HELLO_FORMAT_VERSION } from './admission';
import { resolveGrpcTransportOptions } from './grpc-transport-options';
import { PeerService } from './peer-service';

type Call = ServerReadableStream<contracts.PeerFrame, contracts.PeerStreamResult>;

const options = resolveGrpcTransportOptions({
  id: 1,
  clusterId: 'c',
  incarnationId: 'one',
  peerIncarnations: new Map(),
  rememberPeer: () => Promise.resolve(),
  members: [],
  bindAddress: '127.0.0.1:0',
});

const file = Buffer.concat(
  encodeSnapshotFile(
    {
      lastIncludedIndex: 1,
      lastIncludedTerm: 1,
      stampMs: 0,
      configuration: { clusterId: 'c', members: [] },
    },
    Buffer.from('state'),
  ),
);

/** Server 2's snapshot streams to server 1, without a network. */
function receiving() {
  let admitted = 0;
  const service = new PeerService(
    options,
    new Admission({ ...options, isMember: () => true }),
    {
      onMessages: () => undefined,
      onSnapshot: () => Promise.resolve(),
      onUnreachable: () => undefined,
      onNeverSent: () => undefined,
    },
    () => (admitted += 1),
  );
  const { snapshot } = service.implementation();

  /** Opens a stream; `answer` is what it ends with. */
  function open() {
    // Its close comes when the spec says so.
    const stream = new PassThrough({ objectMode: true, emitClose: false, autoDestroy: false });
    const call = Object.assign(stream, { sendMetadata: () => undefined });
    const opened: { call: typeof call; answer: string | undefined } = { call, answer: undefined };
    snapshot(call as unknown as Call, (error) => {
      opened.answer = error === null ? 'received' : (error as { details: string }).details;
    });
    const value = {
      formatVersion: HELLO_FORMAT_VERSION,
      clusterId: 'c',
      from: 2n,
      to: 1n,
      incarnationId: 'two',
    };
    call.write({ frame: { $case: 'hello', value } });
    return opened;
  }

  function sendAll({ call }: ReturnType<typeof open>): void {
    const value = {
      term: 1n,
      lastIncludedIndex: 1n,
      lastIncludedTerm: 1n,
      offset: 0n,
      totalBytes: BigInt(file.length),
      data: file,
    };
    call.end({ frame: { $case: 'chunk', value } });
  }
  return { open, sendAll, admitted: () => admitted };
}

describe('snapshot streams of one peer', () => {
  it('are taken one at a time, however late the end of an older one is noticed', async () => {
    const { open, sendAll, admitted } = receiving();
    const first = open();
    sendAll(first);
    await eventually('the first is received', () => first.answer === 'received');
    const second = open();
    await eventually('the second is admitted', () => admitted() === 2);

    first.call.emit('close');
    const third = open();
    await eventually('the third is answered', () => third.answer !== undefined);
    sendAll(second);
    await eventually('the second is received', () => second.answer !== undefined);

    expect(third.answer).toBe('server 2 is already sending a snapshot');
    expect(second.answer).toBe('received');
  });
});
