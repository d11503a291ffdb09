import { type GrantRecord, RunHistory } from './run-history';
import type { IdBatch } from '../linearizability/unique';
import { lockOperations } from './lock-evidence';
import { findLostLocks, findTokensGoingBack, judge } from './verdict';

function grant(
  owner: string,
  token: bigint,
  at: number,
  changes: Partial<GrantRecord> = {},
): GrantRecord {
  return {
    lock: 'a',
    owner,
    token,
    invokedAt: at,
    respondedAt: at + 10,
    session: { id: owner, aliveUntil: at + 1_000, closedAt: Infinity },
    releasedAt: Infinity,
    returnedAt: Infinity,
    ...changes,
  };
}

describe('findLostLocks', () => {
  it('accepts a grant after a release, after the end of a lease and after a session was closed', () => {
    const closed = { id: 's', aliveUntil: 10_000, closedAt: 150 };

    expect(findLostLocks([grant('x', 1n, 0, { releasedAt: 50 }), grant('y', 2n, 60)])).toEqual([]);
    expect(findLostLocks([grant('x', 1n, 0), grant('y', 2n, 1_100)])).toEqual([]);
    expect(findLostLocks([grant('x', 1n, 0, { session: closed }), grant('y', 2n, 200)])).toEqual(
      [],
    );
  });

  it('finds a lock that was given to another while its holder kept its session alive', () => {
    const [finding] = findLostLocks([grant('x', 1n, 0), grant('y', 2n, 500)]);

    expect(finding).toContain('"a" was held by x (token 1)');
    expect(finding).toContain('y had it (token 2)');
  });

  it('judges each lock by itself', () => {
    expect(findLostLocks([grant('x', 1n, 0), grant('y', 2n, 500, { lock: 'b' })])).toEqual([]);
  });
});

describe('findTokensGoingBack', () => {
  it('accepts tokens that grow, and the same token on another lock', () => {
    const grants = [grant('x', 1n, 0), grant('y', 2n, 500), grant('z', 2n, 600, { lock: 'b' })];

    expect(findTokensGoingBack(grants)).toEqual([]);
  });

  it('finds a token that was given twice, and a smaller one for a later grant', () => {
    expect(findTokensGoingBack([grant('x', 5n, 0), grant('y', 5n, 500)])).not.toEqual([]);
    expect(findTokensGoingBack([grant('x', 5n, 0), grant('y', 4n, 500)])).not.toEqual([]);
  });
});

describe('lockOperations', () => {
  const unknown = (kind: 'acquire' | 'release' | 'expire', owner: string, invokedAt: number) => ({
    ...{ name: owner, key: 'a', input: { kind, owner }, invokedAt, response: undefined },
  });
  const seen = (owner: string) => ({
    ...{ name: 'reader', key: 'a', input: { kind: 'read' as const }, invokedAt: 0 },
    response: { at: 9, output: { kind: 'seen' as const, owner, token: 1 } },
  });

  it('makes one of all acquisitions that nobody saw, from the first on, and leaves those that somebody saw', () => {
    const calls = [
      ...[unknown('acquire', 'x', 20), unknown('expire', 'x', 20)],
      ...[unknown('acquire', 'y', 10), unknown('expire', 'y', 10)],
      ...[unknown('acquire', 'z', 30), unknown('expire', 'z', 30), seen('z')],
    ];

    const operations = lockOperations(calls, []);

    const owned = operations.flatMap(({ input, invokedAt }) =>
      'owner' in input ? [`${input.kind} ${input.owner} ${invokedAt}`] : [],
    );
    expect(owned.sort()).toEqual([
      'acquire (nobody knows) 10',
      'acquire z 30',
      'expire (nobody knows) 10',
      'expire z 30',
    ]);
  });

  it('keeps every release of unknown outcome', () => {
    expect(lockOperations([unknown('release', 'x', 5)], [])).toHaveLength(1);
  });

  it('ends no lease whose lock was given back in time', () => {
    const kept = grant('x', 1n, 0);
    const returned = grant('y', 2n, 0, { returnedAt: 500 });

    expect(lockOperations([], [kept, returned]).map(({ input }) => input)).toEqual([
      { kind: 'expire', owner: 'x' },
    ]);
  });
});

describe('judge', () => {
  const verdictsOf = (history: RunHistory) =>
    Object.fromEntries(judge(history).map(({ check, verdict }) => [check, verdict]));

  it('lets the lease of a lock end no earlier than its client can be sure of', () => {
    const late = new RunHistory();
    const early = new RunHistory();
    for (const [history, at] of [
      [late, 1_200],
      [early, 500],
    ] as const) {
      for (const one of [grant('x', 1n, 0), grant('y', 2n, at)]) {
        history.grants.push(one);
        history.locks.push({
          name: one.owner,
          key: one.lock,
          input: { kind: 'acquire', owner: one.owner },
          invokedAt: one.invokedAt,
          response: { at: one.respondedAt, output: { kind: 'granted', token: Number(one.token) } },
        });
      }
    }

    expect(verdictsOf(late)['locks are linearizable']).toBe('holds');
    expect(verdictsOf(early)['locks are linearizable']).toBe('violated');
    expect(verdictsOf(early)['no lock is granted to another while it is held']).toBe('violated');
  });

  it('lets ids of one replica be taken in parts, and finds one that goes back or is given twice', () => {
    const batch = (source: string, at: number, ...ids: bigint[]): IdBatch => {
      return { name: `call at ${at}`, source, invokedAt: at, respondedAt: at + 10, ids };
    };
    const idVerdicts = (...batches: IdBatch[]) => {
      const history = new RunHistory();
      history.ids.push(...batches);
      const verdicts = verdictsOf(history);
      return [
        verdicts['ids of a replica are linearizable'],
        verdicts['ids of all replicas are linearizable'],
      ];
    };

    expect(idVerdicts(batch('a', 0, 1n, 2n, 9n), batch('a', 5, 3n), batch('b', 20, 5n))).toEqual([
      'holds',
      'holds',
    ]);
    expect(idVerdicts(batch('a', 0, 5n), batch('a', 20, 3n))).toEqual(['violated', 'holds']);
    expect(idVerdicts(batch('a', 0, 5n, 6n), batch('b', 0, 6n))).toEqual(['holds', 'violated']);
  });

  it('passes on what clients noticed themselves', () => {
    const history = new RunHistory();
    history.findings.push('a session had ended before its time');

    expect(verdictsOf(history)['no client noticed anything']).toBe('violated');
  });
});
