import fc from 'fast-check';
import { parseGrpcPath } from './grpc-path';

describe('a gRPC path', () => {
  it('is taken apart into service and method', () => {
    expect(parseGrpcPath('/helloworld.Greeter/SayHello')).toEqual({
      grpcService: 'helloworld.Greeter',
      method: 'SayHello',
    });
    expect(parseGrpcPath('/Greeter/SayHello')).toEqual({
      grpcService: 'Greeter',
      method: 'SayHello',
    });
  });

  it.each([
    '',
    '/',
    'a.B/C',
    '//a.B/C',
    '/a.B/C/',
    '/a.B//C',
    '/a.B/C/D',
    '/a.B/%43',
    '/a.B/C?d',
    '/.a/C',
    '/a./C',
    '/a..b/C',
    '/a/b c',
    '/1a/B',
    '/a/B\n',
    `/a/${'B'.repeat(2000)}`,
  ])('%j is refused', (path) => {
    expect(parseGrpcPath(path)).toBeUndefined();
  });

  it('that is accepted is exactly its two parts', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: fc.constantFrom('/', '.', 'a', 'B', '_', '1', '%', '?') }),
        (path) => {
          const parsed = parseGrpcPath(path);
          if (parsed !== undefined) expect(`/${parsed.grpcService}/${parsed.method}`).toBe(path);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
