import { invalidArgument, limitViolation } from '@raftway/errors';
import { atMost } from '@raftway/service-kit';
import { NAME_LENGTH_MAX } from '../domain/greeting';

/** The name, if it is one. @throws ServiceError INVALID_ARGUMENT */
export function validName(name: string): string {
  if (name === '') throw invalidArgument({ field: 'name', description: 'is required' });
  // A character is one or two UTF-16 units: count only where it can matter.
  const length = name.length > NAME_LENGTH_MAX ? [...name].length : name.length;
  if (length > NAME_LENGTH_MAX) {
    throw invalidArgument([
      limitViolation('name', `at most ${NAME_LENGTH_MAX} characters`, length),
    ]);
  }
  return name;
}

/** The valid names of a stream, one by one. @throws ServiceError INVALID_ARGUMENT, or RESOURCE_EXHAUSTED after `countMax` of them. */
export async function* validNames(
  requests: AsyncIterable<{ readonly name: string }>,
  countMax: number,
): AsyncGenerator<string> {
  for await (const { name } of atMost(requests, countMax, 'name')) yield validName(name);
}
