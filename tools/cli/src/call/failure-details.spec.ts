import { rpc } from '@raftway/contracts';
import { decodeDetails } from './failure-details';

const PREFIX = 'type.googleapis.com/';

describe('details of a failed call', () => {
  it('are decoded whatever google.rpc type they have, and keep their bytes when nobody knows it', () => {
    const info = rpc.ErrorInfo.encode({ reason: 'A', domain: 'd', metadata: { k: 'v' } }).finish();
    const retry = rpc.RetryInfo.encode({ retryDelay: { seconds: 1n, nanos: 0 } }).finish();
    const trailer = rpc.Status.encode({
      code: 3,
      message: 'no',
      details: [
        { typeUrl: `${PREFIX}google.rpc.ErrorInfo`, value: Buffer.from(info) },
        { typeUrl: `${PREFIX}google.rpc.RetryInfo`, value: Buffer.from(retry) },
        { typeUrl: `${PREFIX}somebody.Elses`, value: Buffer.from([1, 2]) },
      ],
    }).finish();

    expect(decodeDetails(trailer)).toEqual([
      {
        '@type': `${PREFIX}google.rpc.ErrorInfo`,
        reason: 'A',
        domain: 'd',
        metadata: { k: 'v' },
      },
      { '@type': `${PREFIX}google.rpc.RetryInfo`, retryDelay: '1s' },
      { '@type': `${PREFIX}somebody.Elses`, value: 'AQI=' },
    ]);
  });

  it('are none when the trailer is damaged', () => {
    expect(decodeDetails(Buffer.from([0xff]))).toEqual([]);
  });
});
