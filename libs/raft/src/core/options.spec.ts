import { configurationOf, recovered } from '../../test/core-harness';
import { resolveRaftOptions } from './options';
import type { RaftOptions } from './options';

function options(fields: Partial<RaftOptions>): RaftOptions {
  return { id: 1, initialState: recovered(3, []), random: () => 0, ...fields };
}

describe('resolveRaftOptions', () => {
  it('fills in the defaults', () => {
    expect(resolveRaftOptions(options({}))).toMatchObject({
      heartbeatIntervalMs: 50,
      electionTimeoutMs: 500,
      appendTimeoutMs: 200,
      diskStallTimeoutMs: 2000,
    });
  });

  it.each<[string, Partial<RaftOptions>]>([
    ['id must be a whole number', { id: 1.5 }],
    ['id must be greater than 0', { id: 0 }],
    ['heartbeatIntervalMs must be greater than 0', { heartbeatIntervalMs: -1 }],
    ['must be at least twice', { heartbeatIntervalMs: 300 }],
    ['bootstrap must be given', { initialState: { ...recovered(3, []), empty: true } }],
  ])('refuses: %s', (rule, fields) => {
    expect(() => resolveRaftOptions(options(fields))).toThrow(rule);
  });

  it('takes a bootstrap for an empty directory', () => {
    const initialState = { ...recovered(3, []), empty: true };

    expect(() =>
      resolveRaftOptions(options({ initialState, bootstrap: configurationOf(3) })),
    ).not.toThrow();
  });
});
