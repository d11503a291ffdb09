import { ordinalOf, PodAddresses, serverIdOf } from './pod-addresses';

const founders = new Map([
  [1, 'lock-service-0.lock-service-peers:51071'],
  [2, 'lock-service-1.lock-service-peers:51071'],
  [3, 'lock-service-2.lock-service-peers:51071'],
]);

describe('the addresses of pods', () => {
  it('are known of pods that nobody has listed', () => {
    expect(PodAddresses.from(founders)?.of(5)).toBe('lock-service-4.lock-service-peers:51071');
    expect(PodAddresses.from(new Map([[1, 'a-0:7']]))?.of(12)).toBe('a-11:7');
  });

  it('tell a member of the set from one that an operator has added from elsewhere', () => {
    const pods = PodAddresses.from(founders);
    expect(pods?.isPod({ id: 4, address: 'lock-service-3.lock-service-peers:51071' })).toBe(true);
    expect(pods?.isPod({ id: 4, address: '10.0.0.9:51071' })).toBe(false);
    expect(pods?.isPod({ id: 9, address: 'lock-service-3.lock-service-peers:51071' })).toBe(false);
  });

  it.each<[string, [number, string][]]>([
    ['nobody', []],
    ['addresses without an ordinal', [[1, 'host:1']]],
    ['an ordinal that is not the id less one', [[1, 'set-1.peers:1']]],
    ['an IP address', [[1, '10.0.0.1:1']]],
    [
      'two sets',
      [
        [1, 'one-0.peers:1'],
        [2, 'other-1.peers:1'],
      ],
    ],
    [
      'two ports',
      [
        [1, 'set-0.peers:1'],
        [2, 'set-1.peers:2'],
      ],
    ],
  ])('cannot be told from %s', (_what, peers) => {
    expect(PodAddresses.from(new Map(peers))).toBeUndefined();
  });
});

describe('the id of a server', () => {
  it('is a new one in every generation, and the pod’s in each', () => {
    expect([serverIdOf(0, 0), serverIdOf(3, 0), serverIdOf(3, 1), serverIdOf(3, 12)]).toEqual([
      1, 4, 1004, 12_004,
    ]);
    expect([1, 4, 1004, 12_004].map(ordinalOf)).toEqual([0, 3, 3, 3]);
    expect(PodAddresses.from(founders)?.of(1004)).toBe('lock-service-3.lock-service-peers:51071');
  });
});
