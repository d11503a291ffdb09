import type { HeaderPairs } from '@raftway/http2';
import type { CallMetadata, OutgoingMetadata } from '../../rpc/handlers';

/** What HTTP/2 and gRPC allow in a metadata key (gRPC over HTTP/2, Custom-Metadata). */
const keyPattern = /^[0-9a-z_.-]+$/;
/** Text that a header can carry: printable ASCII. */
const textPattern = /^[ -~]*$/;

/** Received header pairs as handlers read metadata. Values of `-bin` keys may come joined by commas, and without padding. */
export function readMetadata(headers: HeaderPairs): CallMetadata {
  const texts = (key: string): string[] => {
    const values: string[] = [];
    for (let index = 0; index < headers.length; index += 2)
      if (headers[index] === key) values.push(headers[index + 1] ?? '');
    return values;
  };
  return {
    get: (key) => (key.endsWith('-bin') ? undefined : texts(key)[0]),
    getAll: (key) => (key.endsWith('-bin') ? [] : texts(key)),
    getBytes: (key) => {
      const first = key.endsWith('-bin') ? texts(key)[0] : undefined;
      return first === undefined ? undefined : Buffer.from(first.split(',', 1)[0] ?? '', 'base64');
    },
  };
}

/** Metadata to send as header pairs. @throws Error for a key or value that HTTP/2 headers cannot carry. */
export function metadataPairs(metadata: OutgoingMetadata): string[] {
  const pairs: string[] = [];
  for (const [key, value] of Object.entries(metadata)) {
    const values = Array.isArray(value) ? (value as readonly (string | Uint8Array)[]) : [value];
    for (const item of values) addPair(pairs, key, item as string | Uint8Array);
  }
  return pairs;
}

/** Adds one value. @throws Error as {@link metadataPairs} does. */
export function addPair(pairs: string[], key: string, value: string | Uint8Array): void {
  const name = key.toLowerCase();
  if (!keyPattern.test(name)) throw new Error(`"${key}" is no metadata key`);
  if (name.startsWith('grpc-') && name !== 'grpc-status-details-bin')
    throw new Error(`"${key}" is reserved for gRPC`);
  const isBinary = name.endsWith('-bin');
  if (typeof value === 'string') {
    if (isBinary) throw new Error(`"${key}" takes bytes`);
    if (!textPattern.test(value)) throw new Error(`the value of "${key}" is not printable ASCII`);
    pairs.push(name, value);
  } else {
    if (!isBinary) throw new Error(`"${key}" takes text: only keys that end in -bin take bytes`);
    pairs.push(name, Buffer.from(value).toString('base64'));
  }
}
