import { createLogger } from '@raftway/observability';
import { warnOfExposure } from './exposure';

/** The addresses that were warned of. */
function warned(options: Record<string, unknown>, hasTls = false): unknown {
  const lines: string[] = [];
  const logger = createLogger({ name: 'test', write: (line) => void lines.push(line) });
  warnOfExposure(options, hasTls, logger);
  return lines.map((line) => (JSON.parse(line) as { addresses: unknown }).addresses);
}

it('warns of ports that others can reach without TLS', () => {
  const options = {
    bind: '0.0.0.0:1',
    peerBind: '[::]:2',
    adminBind: '127.0.0.1:3',
    httpBind: '0.0.0.0:4',
  };

  expect(warned(options)).toEqual([['0.0.0.0:1', '[::]:2']]);
});

it('says nothing with TLS, or on loopback', () => {
  expect(warned({ bind: '0.0.0.0:1' }, true)).toEqual([]);
  expect(warned({ bind: '127.0.0.1:1', peerBind: '[::1]:2', adminBind: 'localhost:3' })).toEqual(
    [],
  );
});
