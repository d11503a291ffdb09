/** How {@link writeMessages} ended. */
export type WriteOutcome = 'finished' | 'stopped';

/** Where messages go. */
export interface MessageSink<Message> {
  /** Serializes and writes one message; false = wait for room. */
  write(message: Message): boolean;
  /** Resolves when there is room, or never will be. */
  room(): Promise<void>;
}

const STOPPED = Symbol('stopped');

/**
 * Writes a source's messages to a stream and asks for the next one only when the stream has room, so that a slow reader holds the
 * source back. Stops when the signal aborts, also while the source is waiting: it is then closed, without waiting for it.
 *
 * @throws what the source throws.
 */
export async function writeMessages<Message>(
  source: AsyncIterable<Message> | Iterable<Message>,
  signal: AbortSignal,
  sink: MessageSink<Message>,
): Promise<WriteOutcome> {
  const iterator = iteratorOf(source);
  let stop: () => void = () => undefined;
  // A promise for each wait: racing against one that lives as long as the stream would keep a reaction for each message.
  const orStopped = <Value>(value: Value | PromiseLike<Value>): Promise<Value | typeof STOPPED> =>
    new Promise((resolve, reject) => {
      stop = () => resolve(STOPPED);
      Promise.resolve(value).then(resolve, reject);
    });
  const onAbort = (): void => stop();
  signal.addEventListener('abort', onAbort);
  try {
    while (!signal.aborted) {
      const step = await orStopped<IteratorResult<Message>>(iterator.next());
      if (step === STOPPED || signal.aborted) break;
      if (step.done === true) return 'finished';
      if (!sink.write(step.value)) await orStopped(sink.room());
    }
    close(iterator);
    return 'stopped';
  } catch (error) {
    close(iterator);
    throw error;
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

function iteratorOf<Message>(
  source: AsyncIterable<Message> | Iterable<Message>,
): AsyncIterator<Message> | Iterator<Message> {
  return Symbol.asyncIterator in source
    ? source[Symbol.asyncIterator]()
    : source[Symbol.iterator]();
}

/** Runs the source's `finally` blocks; a source that is still waiting for something runs them when that is over. */
function close(iterator: AsyncIterator<unknown> | Iterator<unknown>): void {
  void (async () => iterator.return?.())().catch(() => undefined);
}
