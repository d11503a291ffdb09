import type { Readable } from 'node:stream';

/**
 * The messages of a grpc-js stream. Node's own iterator destroys the stream when its reader stops early, which would also end the other
 * direction of a bidirectional call; this one only stops reading. Messages that arrived before an error come first.
 *
 * At most the stream's high-water mark (16 messages) is read ahead: beyond it HTTP/2's window holds the sender back.
 *
 * @param signal its reason is thrown when it aborts.
 */
export async function* readMessages<Message>(
  stream: Readable,
  signal: AbortSignal,
): AsyncGenerator<Message, void, undefined> {
  let ended = false;
  let failed = false;
  let failure: unknown;
  let wake: () => void = () => undefined;
  const onReadable = (): void => wake();
  const onEnd = (): void => {
    ended = true;
    wake();
  };
  const onError = (error: unknown): void => {
    failed = true;
    failure = error;
    wake();
  };
  stream.on('readable', onReadable);
  stream.on('end', onEnd);
  stream.on('close', onEnd);
  stream.on('error', onError);
  signal.addEventListener('abort', onReadable);
  try {
    for (;;) {
      if (signal.aborted) throw signal.reason;
      const woken = new Promise<void>((resolve) => (wake = resolve));
      const message = stream.read() as Message | null;
      if (message !== null) yield message;
      else if (failed) throw failure;
      else if (ended || stream.readableEnded) return;
      else await woken;
    }
  } finally {
    stream.off('readable', onReadable);
    stream.off('end', onEnd);
    stream.off('close', onEnd);
    stream.off('error', onError);
    signal.removeEventListener('abort', onReadable);
  }
}
