/*
 * gRPC-Web, as far as it differs from gRPC (PROTOCOL-WEB.md of grpc/grpc): content types, base64 in text mode, and trailers as a last message.
 */
import { frameMessage, type HeaderPairs } from '@raftway/http2/rules';
import { headersWhere } from './header-rules';

/** A content type of gRPC-Web, taken apart. */
export interface GrpcWebType {
  readonly isText: boolean;
  /** What follows the base type: `+proto`, `;charset=x` or nothing. */
  readonly suffix: string;
}

const contentTypePattern = /^application\/grpc-web(-text)?((?:[+;].*)?)$/i;

/** Reads a content type; undefined for any that is not gRPC-Web's. */
export function parseGrpcWebType(contentType: string): GrpcWebType | undefined {
  const match = contentTypePattern.exec(contentType);
  return match === null ? undefined : { isText: match[1] !== undefined, suffix: match[2] ?? '' };
}

/** Whether the answer is to be text: as `accept` says, or like the request where it names neither. */
export function wantsText(accept: string | undefined, request: GrpcWebType): boolean {
  const match = /application\/grpc-web(-text)?/i.exec(accept ?? '');
  return match === null ? request.isText : match[1] !== undefined;
}

/** The headers of the gRPC call that a request stands for. */
export function grpcHeadersOfWeb(headers: HeaderPairs, type: GrpcWebType): string[] {
  const result = headersWhere(headers, (name) => !isOfTheBody(name) && !isOfTheTransport(name));
  result.push('content-type', `application/grpc${type.suffix}`, 'te', 'trailers');
  return result;
}

/** The headers of the answer, from those of the gRPC response. */
export function webHeadersOfGrpc(headers: HeaderPairs, isText: boolean): string[] {
  const result: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name === 'content-length' || name === 'content-encoding') continue;
    if (name !== 'content-type') result.push(name, value);
    else result.push(name, value.replace(/^application\/grpc/i, isText ? textBase : binaryBase));
  }
  return result;
}

const textBase = 'application/grpc-web-text';
const binaryBase = 'application/grpc-web';

/** The message that stands for trailers: the flag 0x80, a length, and a header block in the form of HTTP/1. */
export function trailersMessage(trailers: HeaderPairs): Buffer {
  let text = '';
  for (let index = 0; index < trailers.length; index += 2) {
    const name = trailers[index] ?? '';
    if (!name.startsWith(':')) text += `${name}: ${trailers[index + 1] ?? ''}\r\n`;
  }
  const frame = frameMessage(Buffer.from(text, 'latin1'));
  frame[0] = 0x80;
  return frame;
}

/** Speaks of the body as it is on the client's connection. */
function isOfTheBody(name: string): boolean {
  return name === 'content-type' || name === 'content-length';
}

/** Speaks of HTTP, to which a gRPC call does not answer. */
function isOfTheTransport(name: string): boolean {
  return name === 'accept' || name === 'accept-encoding' || name === 'x-grpc-web' || name === 'te';
}
