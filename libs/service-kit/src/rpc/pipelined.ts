/**
 * Handles the elements of a stream concurrently and yields the answers in the order of the elements.
 *
 * A client that renews 10,000 leases over one stream would otherwise wait for a round trip through the log for each of them.
 *
 * @param windowMax how many elements are handled at the same time.
 */
export async function* pipelined<Input, Output>(
  inputs: AsyncIterable<Input>,
  windowMax: number,
  handle: (input: Input) => Promise<Output>,
): AsyncGenerator<Output> {
  const iterator = inputs[Symbol.asyncIterator]();
  const answers: Promise<Output>[] = [];
  let reading: Promise<IteratorResult<Input>> | undefined;
  let ended = false;
  try {
    for (;;) {
      if (!ended && answers.length < windowMax) reading ??= iterator.next();
      const [oldest] = answers;
      if (oldest === undefined && reading === undefined) return;
      const read = await Promise.race([
        ...(reading === undefined ? [] : [reading]),
        ...(oldest === undefined ? [] : [oldest.then(() => undefined)]),
      ]);
      if (read === undefined) {
        const answer = answers.shift();
        if (answer !== undefined) yield await answer;
        continue;
      }
      reading = undefined;
      if (read.done === true) ended = true;
      else answers.push(watched(handle(read.value)));
    }
  } finally {
    // Not awaited: the source may be waiting for an element that never comes.
    void reading?.catch(() => undefined);
    void iterator.return?.()?.catch(() => undefined);
  }
}

/** Keeps an answer that fails before its turn from counting as an unhandled rejection. */
function watched<Output>(answer: Promise<Output>): Promise<Output> {
  answer.catch(() => undefined);
  return answer;
}
