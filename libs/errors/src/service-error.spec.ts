import { runInNewContext } from 'node:vm';
import {
  Code,
  codeName,
  internal,
  invalidArgument,
  limitViolation,
  outcomeUnknown,
  ServiceError,
  toCode,
  unavailable,
} from './index';

describe('ServiceError', () => {
  it('has code and reason in front of its message', () => {
    const error = unavailable('NO_LEADER', 'no leader is known');
    expect(error.message).toBe('UNAVAILABLE NO_LEADER: no leader is known');
    expect(error.rawMessage).toBe('no leader is known');
    expect(error.codeName).toBe('UNAVAILABLE');
  });

  it('keeps what instanceof says across copies of the package', () => {
    const brand = Symbol.for('@raftway/errors/ServiceError');
    const ofAnotherCopy: unknown = Object.assign(new Error('another copy'), { [brand]: true });
    expect(ofAnotherCopy instanceof ServiceError).toBe(true);
    expect(new Error('another') instanceof ServiceError).toBe(false);
    expect((null as unknown) instanceof ServiceError).toBe(false);
  });

  describe('from', () => {
    it('returns a ServiceError as it is', () => {
      const error = outcomeUnknown('the leader changed');
      expect(ServiceError.from(error)).toBe(error);
    });

    it.each([
      new Error('secret'),
      'secret',
      undefined,
      null,
      runInNewContext('new Error("secret")') as unknown,
    ])('makes anything else INTERNAL without its text and with it as the cause', (thrown) => {
      const error = ServiceError.from(thrown);
      expect(error.code).toBe(Code.internal);
      expect(error.reason).toBe('INTERNAL');
      expect(error.message).not.toContain('secret');
      expect(error.cause).toBe(thrown);
    });
  });
});

describe('invalidArgument', () => {
  it('has limit and value in the text and the metadata', () => {
    const error = invalidArgument([
      limitViolation('count', 10_000, 20_000),
      { field: 'format', description: 'is not known' },
    ]);
    expect(error.rawMessage).toBe('count: must be at most 10000, got 20000; format: is not known');
    expect(error.metadata).toEqual({ field: 'count', limit: '10000', value: '20000' });
    expect(error.fieldViolations).toEqual([
      { field: 'count', description: 'must be at most 10000, got 20000' },
      { field: 'format', description: 'is not known' },
    ]);
  });

  it('takes a single violation, and a reason of its own', () => {
    const violation = { field: 'request_id', description: 'was used for another request' };
    const error = invalidArgument(violation, { reason: 'REQUEST_ID_REUSED' });
    expect(error.reason).toBe('REQUEST_ID_REUSED');
    expect(error.fieldViolations).toEqual([violation]);
  });
});

it('internal never lets a text through, not even that of a ServiceError', () => {
  const error = internal(unavailable('NO_LEADER', 'of an inner call'));
  expect(error.code).toBe(Code.internal);
  expect(error.message).not.toContain('inner');
});

describe('codes', () => {
  it('have the names and numbers of gRPC', () => {
    expect(codeName(Code.failedPrecondition)).toBe('FAILED_PRECONDITION');
    expect(codeName(99)).toBe('UNKNOWN');
    expect(toCode(14)).toBe(Code.unavailable);
    expect([toCode(0), toCode(17), toCode(1.5)]).toEqual([2, 2, 2]);
  });
});
