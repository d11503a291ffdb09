/*
 * The Connect protocol, as far as it differs from gRPC (https://connectrpc.com/docs/protocol): content types, header names, timeouts, errors as JSON, and
 * trailers in headers (unary) or in a last message (streams). Of its codecs, proto: its messages are gRPC's.
 */
import { codeName } from '@raftway/errors';
import {
  formatGrpcTimeout,
  frameMessage,
  type HeaderPairs,
  percentDecode,
} from '@raftway/http2/rules';
import { type StatusDetail } from '@raftway/transcoding';
import { headersWhere } from './header-rules';
import { grpcStatusOf, statusOf } from './status-mapping';

/** The content type of unary calls; of streams. */
export const unaryType = 'application/proto';
export const streamType = 'application/connect+proto';

/** Whether a content type is that of a unary call or a stream; undefined for others. Parameters are allowed and mean nothing. */
export function parseConnectType(contentType: string): 'unary' | 'stream' | undefined {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase();
  if (type === unaryType) return 'unary';
  return type === streamType ? 'stream' : undefined;
}

/** A call's headers in gRPC's terms, or the header that breaks the specification. */
export type ConnectHeaders =
  | { readonly headers: string[]; readonly encoding: string }
  | { readonly field: string; readonly rule: string; readonly value: string };

/** Translates a request's headers. `encoding` is how its messages are compressed, `identity` when they are not. */
export function grpcHeadersOfConnect(
  headers: HeaderPairs,
  kind: 'unary' | 'stream',
): ConnectHeaders {
  const result: string[] = [];
  let encoding = 'identity';
  const prefix = kind === 'unary' ? '' : 'connect-';
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name === 'connect-protocol-version') {
      if (value !== '1') return { field: name, rule: '1', value };
    } else if (name === 'connect-timeout-ms') {
      if (!/^\d{1,10}$/.test(value)) return { field: name, rule: '1 to 10 digits', value };
      result.push('grpc-timeout', formatGrpcTimeout(Number(value)));
    } else if (name === `${prefix}content-encoding`) {
      if (!/^[\w-]{1,32}$/.test(value)) return { field: name, rule: 'one encoding', value };
      encoding = value.toLowerCase();
    } else if (name === `${prefix}accept-encoding`) {
      result.push('grpc-accept-encoding', acceptedEncodings(value));
    } else if (!ofTheBody.has(name) && !ofGrpc.has(name) && name !== 'te') result.push(name, value);
  }
  result.push('content-type', 'application/grpc+proto', 'te', 'trailers');
  if (encoding !== 'identity') result.push('grpc-encoding', encoding);
  return { headers: result, encoding };
}

/** Metadata of the instance: what is neither gRPC's own, nor speaks of the body. */
export function metadataOf(headers: HeaderPairs): string[] {
  return headersWhere(
    headers,
    (name) =>
      !name.startsWith(':') && !ofTheBody.has(name) && !ofGrpc.has(name) && name !== 'trailer',
  );
}

/** What gRPC itself says in a header list: its status. */
export function grpcHeaders(headers: HeaderPairs): string[] {
  return headersWhere(headers, (name) => name === ':status' || ofGrpc.has(name));
}

/** Trailers as the headers of a unary response. Those of an error that mean something in HTTP keep their names. */
export function trailerHeaders(trailers: HeaderPairs): string[] {
  const isError = statusOf(trailers) !== 0;
  return metadataOf(trailers).map((text, index) =>
    index % 2 === 1 || (isError && ofHttp.has(text)) ? text : `trailer-${text}`,
  );
}

/** Headers of an error that mean something in HTTP. */
export function httpErrorHeaders(headers: HeaderPairs): string[] {
  return headersWhere(headers, (name) => ofHttp.has(name));
}

/** What credentials are taken, when to come again, and how much there is: see domain/limits/limit-refusals.ts. */
const ofHttp = new Set(['www-authenticate', 'retry-after', 'ratelimit', 'ratelimit-policy']);

/** An error as Connect writes it. */
export interface ConnectError {
  readonly code: string;
  readonly message?: string;
  readonly details?: readonly { readonly type: string; readonly value: string }[];
}

/** The error that trailers say. */
export function errorOf(trailers: HeaderPairs): ConnectError {
  const { code, message, details } = grpcStatusOf(trailers);
  const name = codeName(code);
  return {
    // The one name that Connect spells otherwise.
    code: name === 'CANCELLED' ? 'canceled' : name.toLowerCase(),
    ...(message === '' ? {} : { message }),
    ...(details.length === 0 ? {} : { details: details.map(detailOf) }),
  };
}

function detailOf({ typeUrl, value }: StatusDetail): { type: string; value: string } {
  return {
    type: typeUrl.slice(typeUrl.lastIndexOf('/') + 1),
    value: Buffer.from(value).toString('base64').replace(/=+$/, ''),
  };
}

/** The last message of a stream: the flag 2, a length, and JSON. */
export function endStreamMessage(trailers: HeaderPairs): Buffer {
  const metadata = new Map<string, string[]>();
  const pairs = metadataOf(trailers);
  for (let index = 0; index < pairs.length; index += 2) {
    const name = pairs[index] ?? '';
    metadata.set(name, [...(metadata.get(name) ?? []), pairs[index + 1] ?? '']);
  }
  const end = {
    ...(statusOf(trailers) === 0 ? {} : { error: errorOf(trailers) }),
    ...(metadata.size === 0 ? {} : { metadata: Object.fromEntries(metadata) }),
  };
  const frame = frameMessage(Buffer.from(JSON.stringify(end)));
  frame[0] = 2;
  return frame;
}

/** A call whose request is in its URL. */
export interface ConnectGet {
  /** Without the query. */
  readonly path: string;
  readonly codec: string;
  readonly version: string | undefined;
  readonly compression: string | undefined;
  /** Undefined when it is not base64 although the query says so. */
  readonly message: Buffer | undefined;
}

/** Reads the target of a GET; undefined when it is no Connect call. */
export function parseConnectGet(target: string): ConnectGet | undefined {
  const [path = '', query = ''] = target.split(/\?(.*)/s, 2);
  const parameters = new Map<string, string>();
  for (const part of query.split('&')) {
    const [name = '', value = ''] = part.split(/=(.*)/s, 2);
    if (!parameters.has(name)) parameters.set(name, value);
  }
  const text = (name: string): string | undefined => {
    const value = parameters.get(name);
    return value === undefined ? undefined : percentDecode(value).toString('utf8');
  };
  const codec = text('encoding');
  const message = parameters.get('message');
  if (codec === undefined || message === undefined) return undefined;
  return {
    path,
    codec,
    version: text('connect'),
    compression: text('compression'),
    message: messageOf(message, text('base64') === '1'),
  };
}

function messageOf(value: string, isBase64: boolean): Buffer | undefined {
  const bytes = percentDecode(isBase64 ? value : value.replaceAll('+', ' '));
  if (!isBase64) return bytes;
  const text = bytes.toString('latin1');
  // Either alphabet, padded or not.
  return /^[\w+/-]*={0,2}$/.test(text) ? Buffer.from(text, 'base64') : undefined;
}

function acceptedEncodings(value: string): string {
  const names = value
    .split(',')
    .map((part) => part.trim())
    .filter((part) => /^[\w-]+(?:\s*;\s*q=.*)?$/.test(part) && !/;\s*q=0(?:\.0*)?$/.test(part))
    .map((part) => (part.split(';', 1)[0] ?? '').trim().toLowerCase());
  return [...new Set([...names, 'identity'])].join(',');
}

/** Headers that speak of the body as it is on one connection. */
const ofTheBody = new Set([
  'content-type',
  'content-length',
  'content-encoding',
  'accept',
  'accept-encoding',
  'connect-content-encoding',
  'connect-accept-encoding',
]);

/** Headers that gRPC itself gives a meaning: no metadata. */
const ofGrpc = new Set([
  'grpc-timeout',
  'grpc-encoding',
  'grpc-accept-encoding',
  'grpc-status',
  'grpc-message',
  'grpc-status-details-bin',
]);
