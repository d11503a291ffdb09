import { httpStatusOf } from '@raftway/transcoding';
import { Code, codeName } from '@raftway/errors';
import {
  endStreamMessage,
  errorOf,
  grpcHeadersOfConnect,
  metadataOf,
  parseConnectGet,
  parseConnectType,
} from './connect-protocol';

describe('the Connect protocol', () => {
  it.each([
    ['application/proto', 'unary'],
    ['Application/Proto; charset=utf-8', 'unary'],
    ['application/connect+proto', 'stream'],
    ['application/json', undefined],
    ['application/connect+json', undefined],
    ['application/protobuf', undefined],
  ])('%s is %s', (contentType, kind) => {
    expect(parseConnectType(contentType)).toBe(kind);
  });

  it.each([
    ['CANCELLED', 499],
    ['UNKNOWN', 500],
    ['INVALID_ARGUMENT', 400],
    ['DEADLINE_EXCEEDED', 504],
    ['NOT_FOUND', 404],
    ['ALREADY_EXISTS', 409],
    ['PERMISSION_DENIED', 403],
    ['RESOURCE_EXHAUSTED', 429],
    ['FAILED_PRECONDITION', 400],
    ['ABORTED', 409],
    ['OUT_OF_RANGE', 400],
    ['UNIMPLEMENTED', 501],
    ['INTERNAL', 500],
    ['UNAVAILABLE', 503],
    ['DATA_LOSS', 500],
    ['UNAUTHENTICATED', 401],
  ])('%s is HTTP %d', (name, status) => {
    const code = Object.values(Code).find((one) => codeName(one) === name) ?? Code.unknown;
    expect(httpStatusOf(code)).toBe(status);
    const expected = name === 'CANCELLED' ? 'canceled' : name.toLowerCase();
    expect(errorOf(['grpc-status', String(code)])).toEqual({ code: expected });
  });

  it.each([
    ['nothing', []],
    ['a number that gRPC does not have', ['grpc-status', '17']],
    ['a word', ['grpc-status', 'OK']],
  ])('a status that is %s is unknown', (_what, trailers) => {
    expect(errorOf(trailers).code).toBe('unknown');
  });

  it('an error whose details are broken is told without them', () => {
    const trailers = [
      'grpc-status',
      '5',
      'grpc-message',
      'n%C3%B6',
      'grpc-status-details-bin',
      'A',
    ];
    trailers[5] = Buffer.from([0x0a, 0xff]).toString('base64');

    expect(errorOf(trailers)).toEqual({ code: 'not_found', message: 'nö' });
  });

  it('the headers of a request become those of gRPC, and its own cannot be forged', () => {
    const request = grpcHeadersOfConnect(
      [
        ...['content-type', 'application/proto', 'content-length', '3', 'content-encoding', 'GZIP'],
        ...['accept-encoding', 'gzip, br;q=0.5, deflate;q=0, *', 'connect-timeout-ms', '1500'],
        ...['connect-protocol-version', '1', 'grpc-timeout', '1n', 'grpc-encoding', 'br'],
        ...['grpc-status', '0', 'x-mine', '1'],
      ],
      'unary',
    );

    expect(request).toEqual({
      encoding: 'gzip',
      headers: [
        ...['grpc-accept-encoding', 'gzip,br,identity', 'grpc-timeout', '1500000u', 'x-mine', '1'],
        ...['content-type', 'application/grpc+proto', 'te', 'trailers', 'grpc-encoding', 'gzip'],
      ],
    });
  });

  it.each([
    ['connect-protocol-version', '2'],
    ['connect-timeout-ms', '1s'],
    ['connect-timeout-ms', '12345678901'],
    ['content-encoding', 'gzip, br'],
  ])('%s: %s is refused', (field, value) => {
    expect(grpcHeadersOfConnect([field, value], 'unary')).toMatchObject({ field, value });
  });

  it('metadata is what is left', () => {
    const given = [':status', '200', 'content-type', 'a/b', 'grpc-status', '0', 'trailer', 'x'];

    expect(metadataOf([...given, 'x-one', '1', 'x-one', '2'])).toEqual([
      'x-one',
      '1',
      'x-one',
      '2',
    ]);
  });

  it('the end of a stream says error and metadata', () => {
    const message = endStreamMessage(['grpc-status', '9', 'x-one', '1', 'x-one', '2']);

    expect(message[0]).toBe(2);
    expect(message.readUInt32BE(1)).toBe(message.length - 5);
    expect(JSON.parse(message.toString('utf8', 5))).toEqual({
      error: { code: 'failed_precondition' },
      metadata: { 'x-one': ['1', '2'] },
    });
    expect(endStreamMessage(['grpc-status', '0']).toString('utf8', 5)).toBe('{}');
  });

  it('a GET without message or encoding is none of its calls', () => {
    expect(parseConnectGet('/a.B/C?message=')).toBeUndefined();
    expect(parseConnectGet('/a.B/C?encoding=proto')).toBeUndefined();
    expect(parseConnectGet('/a.B/C?encoding=proto&message=a%3Fb%3D?=&message=x')).toEqual({
      path: '/a.B/C',
      codec: 'proto',
      version: undefined,
      compression: undefined,
      message: Buffer.from('a?b=?='),
    });
  });
});
