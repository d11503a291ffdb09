import type { Measurement } from '../measure/contender';
import { asMarkdown, asText, significant, tableOf } from './table';

const measurement = (contender: string, perSecond: number): Measurement => ({
  contender,
  inFlight: 64,
  perSecond,
  p50Ms: 1.2345,
  p99Ms: 9,
  cpuMicrosecondsPerOperation: 250,
  syncsPerOperation: contender === 'etcd' ? 0.5 : undefined,
  residentBytes: 3 * 1024 * 1024,
});

describe('tableOf', () => {
  const table = tableOf([measurement('Raftway', 4321), measurement('etcd', 2000)], 'etcd');

  it('sets every contender in relation to the baseline at the same load', () => {
    expect(table.rows.map((row) => row[3])).toEqual(['2.16 ×', '1.00 ×']);
  });

  it('says nothing of syncs that nobody counts', () => {
    expect(table.rows.map((row) => row[6])).toEqual(['–', '0.5']);
  });

  it('is text with columns of one width', () => {
    const lengths = asText(table)
      .split('\n')
      .map(({ length }) => length);

    expect(new Set(lengths).size).toBe(1);
  });

  it('is a table in Markdown', () => {
    const lines = asMarkdown(table).split('\n');

    expect(lines).toHaveLength(4);
    expect(lines[2]).toBe('| 64 | Raftway | 4320 | 2.16 × | 1.23 ms | 9 ms | – | 250 µs | 3 MiB |');
  });
});

describe('significant', () => {
  it('keeps three digits', () => {
    expect(significant(12_345)).toBe('12300');
    expect(significant(0.012345)).toBe('0.0123');
    expect(significant(Number.NaN)).toBe('–');
  });
});
