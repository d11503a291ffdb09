import { type JsonObject } from '@bufbuild/protobuf';

/** How the messages of a stream are written into one body. */
export interface StreamFormat {
  readonly contentType: string;
  /** One message. @param json its JSON, in one line */
  message(json: string, isFirst: boolean): string;
  /** An error after which nothing follows. @param status the JSON of google.rpc.Status */
  failure(status: JsonObject, isFirst: boolean): string;
  /** What ends a stream without an error. */
  end(isEmpty: boolean): string;
}

const array: StreamFormat = {
  contentType: 'application/json',
  message: (json, isFirst) => (isFirst ? `[${json}` : `,\n${json}`),
  failure: (status, isFirst) => `${isFirst ? '[' : ',\n'}${JSON.stringify({ error: status })}]\n`,
  end: (isEmpty) => (isEmpty ? '[]\n' : ']\n'),
};

const lines: StreamFormat = {
  contentType: 'application/x-ndjson',
  message: (json) => `${json}\n`,
  failure: (status) => `${JSON.stringify({ error: status })}\n`,
  end: () => '',
};

/** WHATWG HTML §9.2. */
const events: StreamFormat = {
  contentType: 'text/event-stream',
  message: (json) => `data: ${json}\n\n`,
  failure: (status) => `event: error\ndata: ${JSON.stringify(status)}\n\n`,
  end: () => '',
};

const byMediaType: Readonly<Record<string, StreamFormat>> = {
  'application/json': array,
  'application/x-ndjson': lines,
  'application/ndjson': lines,
  'application/jsonl': lines,
  'text/event-stream': events,
};

/** The formats by name. */
export const streamFormats = { array, ndjson: lines, sse: events } as const;

/**
 * The format that an Accept header asks for: of the media types that are known here the one with the highest quality, the first of equals.
 * @param otherwise when it names none of them. @default a JSON array
 */
export function streamFormatFor(accept: string, otherwise: StreamFormat = array): StreamFormat {
  let best = otherwise;
  let bestQuality = 0;
  for (const range of accept.split(',')) {
    const [type = '', ...parameters] = range.split(';').map((part) => part.trim().toLowerCase());
    const format = Object.hasOwn(byMediaType, type) ? byMediaType[type] : undefined;
    if (format === undefined) continue;
    const quality = parameters.find((one) => one.startsWith('q='))?.slice(2) ?? '1';
    if (Number(quality) > bestQuality) {
      best = format;
      bestQuality = Number(quality);
    }
  }
  return best;
}
