import { Duplex, Readable } from 'node:stream';
import { readMessages } from './read-messages';

const never = new AbortController().signal;

/** A source that is pushed to from outside, as grpc-js does. */
function source(): Readable {
  return new Readable({ objectMode: true, read: () => undefined });
}

it('yields the messages that came before an error, then throws it', async () => {
  const stream = source();
  const messages = readMessages<string>(stream, never);
  stream.push('one');
  expect((await messages.next()).value).toBe('one');
  stream.push('two');
  stream.emit('error', new Error('reset'));
  expect((await messages.next()).value).toBe('two');
  await expect(messages.next()).rejects.toThrow('reset');
});

it('ends with the stream, and with a stream that is torn down', async () => {
  const ended = source();
  ended.push('one');
  ended.push(null);
  const seen: string[] = [];
  for await (const message of readMessages<string>(ended, never)) seen.push(message);
  expect(seen).toEqual(['one']);

  const torn = source();
  const messages = readMessages<string>(torn, never);
  const next = messages.next();
  torn.destroy();
  expect((await next).done).toBe(true);
});

it('leaves the other direction of a stream open when its reader stops early', async () => {
  const stream = new Duplex({
    objectMode: true,
    read: () => undefined,
    write: (_message, _encoding, done) => done(),
  });
  stream.push('one');
  for await (const _message of readMessages<string>(stream, never)) break;
  expect(stream.destroyed).toBe(false);
  expect(stream.writable).toBe(true);
});

it('throws the reason of the signal when it aborts, also while it waits', async () => {
  const controller = new AbortController();
  const next = readMessages<string>(source(), controller.signal).next();
  controller.abort(new Error('draining'));
  await expect(next).rejects.toThrow('draining');
});

it('takes its listeners away when it ends', async () => {
  const stream = source();
  stream.push('one');
  for await (const _message of readMessages<string>(stream, never)) break;
  expect(stream.listenerCount('error') + stream.listenerCount('end')).toBe(0);
});
