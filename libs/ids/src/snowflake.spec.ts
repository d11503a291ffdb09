import * as fc from 'fast-check';
import { IdError } from './id-error';
import {
  decodeSnowflake,
  encodeSnowflake,
  formatSnowflake,
  inspectSnowflake,
  SNOWFLAKE_MAX,
  SNOWFLAKE_SEQUENCE_MAX,
  SNOWFLAKE_TIMESTAMP_MAX,
  SNOWFLAKE_WORKER_MAX,
} from './snowflake';

const parts = fc.record({
  timestampMs: fc.oneof(
    fc.integer({ min: 0, max: SNOWFLAKE_TIMESTAMP_MAX }),
    fc.constantFrom(0, 1, 1023, 1024, 2 ** 31, 2 ** 32, 2 ** 40, SNOWFLAKE_TIMESTAMP_MAX),
  ),
  worker: fc.integer({ min: 0, max: SNOWFLAKE_WORKER_MAX }),
  sequence: fc.integer({ min: 0, max: SNOWFLAKE_SEQUENCE_MAX }),
});

function errorOf(act: () => unknown): IdError {
  try {
    act();
  } catch (error) {
    if (error instanceof IdError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

describe('a Snowflake id', () => {
  it('is the three parts side by side, exact in 63 bits', () => {
    fc.assert(
      fc.property(parts, ({ timestampMs, worker, sequence }) => {
        const expected = (BigInt(timestampMs) << 22n) | (BigInt(worker) << 12n) | BigInt(sequence);
        expect(encodeSnowflake({ timestampMs, worker, sequence })).toBe(expected);
      }),
    );
  });

  it('comes apart into what it was made of, through its text too', () => {
    fc.assert(
      fc.property(parts, (made) => {
        const value = encodeSnowflake(made);
        expect(decodeSnowflake(value)).toEqual(made);
        expect(inspectSnowflake(formatSnowflake(value))).toEqual({ value, ...made });
      }),
    );
  });

  it.each([
    // Fixtures for other languages: timestampMs, worker, sequence, text.
    [0, 0, 0, '0'],
    [1, 0, 0, '4194304'],
    [2_147_483_647, 1023, 4095, '9007199254740991'], // 2^53 - 1, the last exact JavaScript number
    [2_147_483_648, 0, 1, '9007199254740993'], // 2^53 + 1 is the first that a number would round
    [SNOWFLAKE_TIMESTAMP_MAX, 1023, 4095, '9223372036854775807'],
  ])('of %i ms, worker %i, sequence %i reads %s', (timestampMs, worker, sequence, text) => {
    expect(formatSnowflake(encodeSnowflake({ timestampMs, worker, sequence }))).toBe(text);
  });

  it.each([
    ['timestampMs', { timestampMs: 2 ** 41 }],
    ['timestampMs', { timestampMs: -1 }],
    ['timestampMs', { timestampMs: 0.5 }],
    ['timestampMs', { timestampMs: Number.NaN }],
    ['worker', { worker: 1024 }],
    ['worker', { worker: -1 }],
    ['sequence', { sequence: 4096 }],
    ['sequence', { sequence: 1.5 }],
  ])('refuses a %s out of range: %j', (field, bad) => {
    const error = errorOf(() =>
      encodeSnowflake({ timestampMs: 1, worker: 1, sequence: 1, ...bad }),
    );

    expect(error.code).toBe('outOfRange');
    expect(error.details.field).toBe(field);
  });

  it.each([-1n, SNOWFLAKE_MAX + 1n, 2n ** 64n])('cannot be %d', (value) => {
    expect(errorOf(() => decodeSnowflake(value)).code).toBe('outOfRange');
  });
});

describe('the text of a Snowflake id', () => {
  it.each([
    '',
    ' ',
    '1 ',
    '-1',
    '+1',
    '01',
    '1.0',
    '1e3',
    '0x10',
    '1n',
    '١٢',
    '9223372036854775808',
    '99999999999999999999',
  ])('is not %j', (text) => {
    const error = errorOf(() => inspectSnowflake(text));

    expect(error.code).toBe('badText');
    expect(error.details).toMatchObject({
      field: 'text',
      limit: '9223372036854775807',
      value: text,
    });
  });

  it('is cut short in the error when it is long', () => {
    const error = errorOf(() => inspectSnowflake('9'.repeat(100_000)));

    expect(error.message.length + error.details.value.length).toBeLessThan(200);
  });

  it('is refused or read back unchanged, whatever it is', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.bigInt().map(String)), (text) => {
        try {
          expect(formatSnowflake(inspectSnowflake(text).value)).toBe(text);
        } catch (error) {
          expect(error).toBeInstanceOf(IdError);
        }
      }),
    );
  });
});
