import { eventually } from '../../test/support/key-value';
import { encodeSnapshotFile } from '../storage/snapshot-file';
import { Admission, HELLO_FORMAT_VERSION } from './admission';
import { resolveGrpcTransportOptions } from './grpc-transport-options';
import type { Frame, PeerCall, PeerCallListener } from './peer-call';
import { PeerService } from './peer-service';

/** A peer's stream without a network: what comes while it is paused waits. Its close comes when the spec says so. */
class FakeCall implements PeerCall {
  answered: string | undefined;
  private listener: PeerCallListener | undefined;
  private waiting: (() => void)[] = [];
  private paused = false;

  setListener(listener: PeerCallListener): void {
    this.listener = listener;
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
    for (const event of this.waiting.splice(0)) event();
  }

  admit(): void {}

  answer(error?: { readonly details: string }): void {
    this.answered ??= error?.details ?? 'received';
  }

  write(frame: Frame): void {
    this.come(() => this.listener?.onFrame(frame));
  }

  end(): void {
    this.come(() => this.listener?.onEnd());
  }

  close(): void {
    this.listener?.onClosed();
  }

  private come(event: () => void): void {
    if (this.paused) this.waiting.push(event);
    else event();
  }
}

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
      onGone: () => undefined,
      onNeverSent: () => undefined,
    },
    () => (admitted += 1),
  );

  function open(): FakeCall {
    const call = new FakeCall();
    service.open('snapshot', call);
    const value = {
      formatVersion: HELLO_FORMAT_VERSION,
      clusterId: 'c',
      from: 2n,
      to: 1n,
      incarnationId: 'two',
      address: '',
    };
    call.write({ $case: 'hello', value });
    return call;
  }

  function sendAll(call: FakeCall): void {
    const value = {
      term: 1n,
      lastIncludedIndex: 1n,
      lastIncludedTerm: 1n,
      offset: 0n,
      totalBytes: BigInt(file.length),
      data: file,
    };
    call.write({ $case: 'chunk', value });
    call.end();
  }
  return { open, sendAll, admitted: () => admitted };
}

describe('snapshot streams of one peer', () => {
  it('are taken one at a time, however late the end of an older one is noticed', async () => {
    const { open, sendAll, admitted } = receiving();
    const first = open();
    sendAll(first);
    await eventually('the first is received', () => first.answered === 'received');
    const second = open();
    await eventually('the second is admitted', () => admitted() === 2);

    first.close();
    const third = open();
    await eventually('the third is answered', () => third.answered !== undefined);
    sendAll(second);
    await eventually('the second is received', () => second.answered !== undefined);

    expect(third.answered).toBe('server 2 is already sending a snapshot');
    expect(second.answered).toBe('received');
  });
});
