import { Code, ServiceError } from '@raftway/errors';

/**
 * Stands in for a request that is not the message it should be. grpc-js answers INTERNAL when a deserializer throws, before any of our
 * code runs; so the deserializer returns this instead, and the adapter answers INVALID_ARGUMENT.
 */
export class MalformedRequest {
  constructor(private readonly cause: unknown) {}

  toError(method: string): ServiceError {
    const why = this.cause instanceof Error ? `: ${this.cause.message}` : '';
    return new ServiceError({
      code: Code.invalidArgument,
      reason: 'MALFORMED_REQUEST',
      message: `the request is not the protobuf message that ${method} takes${why}`,
      metadata: { method },
      cause: this.cause,
    });
  }
}

/** A deserializer that never throws. */
export function tolerantDeserializer(
  deserialize: (bytes: Buffer) => unknown,
): (bytes: Buffer) => unknown {
  return (bytes) => {
    try {
      return deserialize(bytes);
    } catch (error) {
      return new MalformedRequest(error);
    }
  };
}
