import {
  type ClientConnection,
  type ConnectionListener,
  FlushScheduler,
  FrameClientEngine,
} from '@raftway/http2';
import { eventually } from './support/harness';
import { RawBackend } from './support/raw-http2';

const limits = {
  connectTimeoutMs: 5000,
  connectionStreamsMax: 100,
  headerListBytesMax: 65_536,
  headerCountMax: 100,
  streamBufferBytesMax: 65_536,
  connectionMemoryBytesMax: 10_000_000,
  keepaliveMs: 60_000,
  keepaliveTimeoutMs: 10_000,
};

let backend: RawBackend;
let answers: (() => void)[];

beforeEach(async () => {
  answers = [];
  backend = await new RawBackend((stream) => {
    answers.push(() => stream.respond({ ':status': '200' }, { endStream: true }));
  }).start();
});

afterEach(() => backend.stop());

function open(connection: ClientConnection, onHeaders: () => void): void {
  const headers = [':method', 'POST', ':path', '/', ':scheme', 'http', ':authority', 'x'];
  const nothing = (): void => undefined;
  connection.open(headers, true, {
    onHeaders,
    onData: nothing,
    onEnd: nothing,
    onSent: nothing,
    onReset: nothing,
    onClosed: nothing,
  });
}

describe('a connection that has used up its stream ids', () => {
  it('takes no more calls, finishes those that it has, and closes', async () => {
    const events: string[] = [];
    const listener: ConnectionListener = {
      onReady: () => events.push('ready'),
      onCapacity: () => events.push('capacity'),
      onDraining: () => events.push('draining'),
      onClosed: () => events.push('closed'),
    };
    const connection = new FrameClientEngine(limits, new FlushScheduler(), 2).connect(
      backend.address,
      listener,
    );
    await eventually(() => connection.hasCapacity, 'the connection is made');

    open(connection, () => events.push('answer'));
    const room = connection.hasCapacity;
    open(connection, () => events.push('answer'));

    expect([room, connection.hasCapacity]).toEqual([true, false]);
    await eventually(() => answers.length === 2, 'both calls are at the instance');
    for (const answer of answers) answer();
    await eventually(() => events.includes('closed'), 'the connection closes');
    expect(events.filter((event) => event !== 'capacity')).toEqual([
      'ready',
      'draining',
      'answer',
      'answer',
      'closed',
    ]);
  });
});
