import { invalidArgument } from '@raftway/errors';

/** One parameter of a query. */
export interface QueryParameter {
  readonly name: string;
  readonly value: string;
}

/**
 * The parameters of a query, decoded, in order and with repetitions (application/x-www-form-urlencoded).
 *
 * @param query what follows the question mark
 * @throws ServiceError INVALID_ARGUMENT when it is not percent-encoded UTF-8
 */
export function parseQuery(query: string): QueryParameter[] {
  if (query === '') return [];
  return query
    .split('&')
    .filter((part) => part !== '')
    .map((part) => {
      const equals = part.indexOf('=');
      if (equals < 0) return { name: decode(part), value: '' };
      return { name: decode(part.slice(0, equals)), value: decode(part.slice(equals + 1)) };
    });
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '));
  } catch {
    throw invalidArgument({
      field: 'query',
      description: `must be percent-encoded UTF-8, got ${JSON.stringify(text.slice(0, 64))}`,
    });
  }
}
