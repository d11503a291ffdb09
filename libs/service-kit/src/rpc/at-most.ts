import { resourceExhausted } from '@raftway/errors';

/**
 * The messages of a stream, one by one, for a handler that keeps something of each.
 *
 * @param field of the message that there are too many of: the error names it.
 * @throws ServiceError RESOURCE_EXHAUSTED `LIMIT_REACHED` at the message after `countMax`.
 */
export async function* atMost<Message>(
  messages: AsyncIterable<Message>,
  countMax: number,
  field: string,
): AsyncGenerator<Message> {
  let count = 0;
  for await (const message of messages) {
    count += 1;
    if (count > countMax) {
      throw resourceExhausted('LIMIT_REACHED', `a stream may hold ${countMax} messages`, {
        metadata: { field, limit: String(countMax) },
      });
    }
    yield message;
  }
}
