import { invalidArgument } from '@raftway/errors';
import type { MethodShape } from '../rpc/definition';

/**
 * From a request whose defaults may be left out to its bytes. A definition has no message constructors, but what no bytes decode to is a
 * message of defaults only.
 *
 * @throws ServiceError INVALID_ARGUMENT for a value that the field's type cannot carry.
 */
export function requestEncoder(method: MethodShape): (request: unknown) => Buffer {
  const defaults = method.requestDeserialize(Buffer.alloc(0)) as Record<string, unknown>;
  const serialize = method.requestSerialize as (message: unknown) => Buffer;
  return (request) => {
    const message: Record<string, unknown> = { ...defaults };
    for (const [field, value] of Object.entries(request ?? {})) {
      if (value !== undefined) message[field] = value;
    }
    try {
      return serialize(message);
    } catch (error) {
      const description = `cannot be encoded: ${error instanceof Error ? error.message : 'unknown'}`;
      throw invalidArgument({ field: method.path, description }, { cause: error });
    }
  };
}
