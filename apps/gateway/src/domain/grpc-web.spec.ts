import {
  grpcHeadersOfWeb,
  parseGrpcWebType,
  trailersMessage,
  wantsText,
  webHeadersOfGrpc,
} from './grpc-web';

describe('gRPC-Web', () => {
  it.each([
    ['application/grpc-web', { isText: false, suffix: '' }],
    ['application/grpc-web+proto', { isText: false, suffix: '+proto' }],
    ['application/grpc-web-text', { isText: true, suffix: '' }],
    ['Application/gRPC-Web-Text+proto;charset=x', { isText: true, suffix: '+proto;charset=x' }],
    ['application/grpc', undefined],
    ['application/grpc-webby', undefined],
    ['x-application/grpc-web', undefined],
  ])('%s is %j', (contentType, type) => {
    expect(parseGrpcWebType(contentType)).toEqual(type);
  });

  it.each([
    [undefined, true, true],
    [undefined, false, false],
    ['*/*', true, true],
    ['application/grpc-web', true, false],
    ['application/grpc-web-text', false, true],
  ])('accepting %s, a request of text (%s) is answered by text: %s', (accept, isText, text) => {
    expect(wantsText(accept, { isText, suffix: '' })).toBe(text);
  });

  it('changes the headers of body and transport, and no others', () => {
    const given = ['content-type', 'application/grpc-web+proto', 'content-length', '5'];
    const more = ['accept', '*/*', 'accept-encoding', 'gzip', 'x-grpc-web', '1', 'x-mine', '1'];

    expect(
      grpcHeadersOfWeb([...given, ...more, 'grpc-timeout', '1S'], {
        isText: false,
        suffix: '+proto',
      }),
    ).toEqual([
      ...['x-mine', '1', 'grpc-timeout', '1S'],
      ...['content-type', 'application/grpc+proto', 'te', 'trailers'],
    ]);
    expect(
      webHeadersOfGrpc(
        ['content-type', 'application/grpc+proto', 'content-length', '5', 'content-encoding', 'x'],
        true,
      ),
    ).toEqual(['content-type', 'application/grpc-web-text+proto']);
  });

  it('trailers are a message of lines', () => {
    const message = trailersMessage([':status', '200', 'grpc-status', '0', 'x-one', '1']);

    expect([...message.subarray(0, 5)]).toEqual([0x80, 0, 0, 0, 26]);
    expect(message.toString('latin1', 5)).toBe('grpc-status: 0\r\nx-one: 1\r\n');
  });
});
