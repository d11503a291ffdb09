import { Metadata } from '@grpc/grpc-js';
import type { CallMetadata, OutgoingMetadata } from './handlers';

/** Received metadata as handlers and callers read it. */
export function toCallMetadata(metadata: Metadata): CallMetadata {
  const texts = (key: string): string[] =>
    metadata.get(key).filter((value): value is string => typeof value === 'string');
  return {
    get: (key) => texts(key)[0],
    getAll: texts,
    getBytes: (key) => {
      const first = metadata.get(key)[0];
      return typeof first === 'string' ? undefined : first;
    },
  };
}

/** Metadata to send, as grpc-js takes it. @throws Error for a key or value that HTTP/2 headers cannot carry. */
export function toGrpcMetadata(metadata: OutgoingMetadata | undefined): Metadata {
  const result = new Metadata();
  for (const [key, value] of Object.entries(metadata ?? {})) {
    const values = Array.isArray(value) ? (value as readonly (string | Uint8Array)[]) : [value];
    for (const item of values) addMetadata(result, key, item as string | Uint8Array);
  }
  return result;
}

/** Adds one value: bytes go as a Buffer, as grpc-js wants them. */
export function addMetadata(target: Metadata, key: string, value: string | Uint8Array): void {
  target.add(key, typeof value === 'string' ? value : Buffer.from(value));
}
