import { eventually } from '../../test/support/key-value';
import { Admission, HELLO_FORMAT_VERSION } from './admission';
import { resolveGrpcTransportOptions } from './grpc-transport-options';
import type { Frame, PeerCall, PeerCallListener } from './peer-call';
import { PeerService } from './peer-service';
import { SnapshotRefused } from './snapshot-transfer';

/** A peer's stream without a network: what comes while it is paused waits. Its close comes when the spec says so. */
class FakeCall implements PeerCall {
  answered: string | undefined;
  readonly replies: number[] = [];
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
    while (!this.paused) {
      const event = this.waiting.shift();
      if (event === undefined) return;
      event();
    }
  }

  admit(): void {}

  reply({ nextChunk }: { readonly nextChunk: number }): void {
    this.replies.push(nextChunk);
  }

  answer(error?: { readonly details: string }): void {
    this.answered ??= error?.details ?? 'received';
  }

  write(frame: Frame | undefined): void {
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

/** Server 2's snapshot streams to server 1, without a network; each chunk is taken when the spec says so. */
function receiving() {
  const taken: string[] = [];
  const held: (() => void)[] = [];
  const service = new PeerService(
    options,
    new Admission({ ...options, isMember: () => true }),
    {
      onMessages: () => undefined,
      onSnapshotOffer: (from, { term }) => {
        taken.push(`offer of ${from} in term ${term}`);
        if (term < 5) return Promise.reject(new SnapshotRefused(`term ${term} is over`));
        return Promise.resolve(3);
      },
      onSnapshotChunk: (_from, { number }) => {
        taken.push(`chunk ${number}`);
        return new Promise((resolve) => held.push(() => resolve(number + 1)));
      },
      onUnreachable: () => undefined,
      onGone: () => undefined,
      onNeverSent: () => undefined,
    },
    () => undefined,
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

  return { open, taken, held };
}

const offerOf = (term: bigint): Frame => ({
  $case: 'offer',
  value: { term, header: Buffer.from('') },
});

const chunkOf = (number: number): Frame => ({
  $case: 'chunk',
  value: {
    term: 5n,
    lastIncludedIndex: 1n,
    lastIncludedTerm: 1n,
    headerChecksum: 1,
    number,
    checksum: 2,
    data: Buffer.from('x'),
  },
});

describe('a snapshot’s stream', () => {
  it('takes one chunk at a time, and says after each what it has', async () => {
    const { open, taken, held } = receiving();
    const call = open();
    call.write(offerOf(5n));
    call.write(chunkOf(3));
    call.write(chunkOf(4));
    call.end();
    await eventually('the first chunk', () => held.length === 1);
    expect(taken).toEqual(['offer of 2 in term 5', 'chunk 3']);

    held[0]?.();
    await eventually('the second chunk', () => held.length === 2);
    expect(call.answered).toBeUndefined();
    held[1]?.();
    await eventually('the answer', () => call.answered !== undefined);

    expect(call.answered).toBe('received');
    expect(call.replies).toEqual([3, 4, 5]);
  });

  it('ends with the reason when what comes is refused', async () => {
    const { open } = receiving();
    const call = open();

    call.write(offerOf(4n));

    await eventually('the answer', () => call.answered !== undefined);
    expect(call.answered).toBe('term 4 is over');
  });

  it('says what to do when the other side sends what an older version sent', async () => {
    const { open } = receiving();
    const call = open();

    call.write(undefined);

    await eventually('the answer', () => call.answered !== undefined);
    expect(call.answered).toContain('update both servers');
  });
});
