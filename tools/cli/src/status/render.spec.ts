import { stripVTControlCharacters } from 'node:util';
import { styleFor } from '../command/style';
import { assessSuite } from '../suite/assess-suite';
import type { SuiteObservation } from '../suite/observation';
import { expectGolden } from '../../test/support/golden';
import {
  diskFullSuite,
  healthySuite,
  leaderlessSuite,
  replica,
  silent,
  withLockReplicas,
} from '../../test/support/recorded-suites';
import { renderStatus } from './render';

const say = (suite: SuiteObservation, hasColors = false): string =>
  renderStatus(assessSuite(suite), styleFor(hasColors));

describe('raftway status', () => {
  it.each([
    ['healthy', healthySuite],
    ['leaderless', leaderlessSuite],
    ['disk-full', diskFullSuite],
  ])('shows a suite that is %s', (name, suite) => {
    expectGolden(`status-${name}`, say(suite()));
  });

  it('says the same with colours', () => {
    const coloured = say(leaderlessSuite(), true);

    expect(coloured).not.toBe(say(leaderlessSuite()));
    expect(stripVTControlCharacters(coloured)).toBe(say(leaderlessSuite()));
  });

  it('warns of a replica that is down while the group works, and says how many more may fail', () => {
    const suite = withLockReplicas([
      silent(replica('lock-service', 1), 'no answer within 2 s'),
      replica('lock-service', 2),
      replica('lock-service', 3),
    ]);

    expect(say(suite)).toContain(
      'warning lock-service-1: it cannot be reached at 127.0.0.1:20071 (no answer within 2 s); the group works, and stops when one more fails.',
    );
  });

  it('believes the leader of the later term of two', () => {
    const suite = withLockReplicas([
      replica('lock-service', 1, { role: 'leader', term: 4 }),
      replica('lock-service', 2),
      replica('lock-service', 3),
    ]);

    expect(say(suite)).toContain('leader lock-service-1, term 4');
  });

  it('shows how far a replica is behind, and says so when it is much', () => {
    const slow = replica('lock-service', 3, { appliedIndex: 4, commitIndex: 4 });
    const far = replica('lock-service', 2, { commitIndex: 20_004 });

    const text = say(withLockReplicas([replica('lock-service', 1), far, slow]));

    expect(text).toMatch(/lock-service-3 .* 20000 +serving/);
    expect(text).toContain('warning lock-service-3: it is 20000 entries behind the leader.');
  });

  it('says that a leader alone with its full disk acknowledges nothing', () => {
    const members = [{ id: 2, peerAddress: '127.0.0.1:21072', isVoter: true }];
    const alone = replica('lock-service', 2, { isDiskFull: true, members });

    const text = say(withLockReplicas([alone]));

    expect(text).toContain('stalled  leader lock-service-2, term 3, 1 of 1 voters answers');
    expect(text).toContain('it acknowledges nothing: the disks of 1 of 1 voters are full;');
  });

  it('names members whose client addresses nobody has named', () => {
    const text = say(withLockReplicas([replica('lock-service', 1), replica('lock-service', 2)]));

    expect(text).toContain(
      'it has 3 members, and 2 addresses are known here; silent are 3 (peer address 127.0.0.1:21073).',
    );
  });

  it('says that voters which answer do not agree on a leader', () => {
    const lost = [1, 2, 3].map((id) => replica('lock-service', id, { role: 'candidate' }));

    expect(say(withLockReplicas(lost))).toContain(
      'lock-service: it has no leader, though 3 of 3 voters answer;',
    );
  });

  it('says why a replica is not ready, that one was removed, and that clusters are mixed', () => {
    const removed = replica('lock-service', 1, { standing: 'removed', clusterId: 'other' });
    const notReady = { ...replica('lock-service', 3), notReady: ['the log is damaged'] };

    const text = say(withLockReplicas([removed, replica('lock-service', 2), notReady]));

    expect(text).toContain('it answers, and says that it is not serving: the log is damaged.');
    expect(text).toContain('lock-service-1: it is no member of its group any more.');
    expect(text).toContain('its replicas belong to different clusters: other, lock-service.');
  });

  it('says that the gateway cannot be reached, or has no live instance of a service', () => {
    const { groups, gateway } = healthySuite();
    const away = { address: '127.0.0.1:8080', unreachable: 'connection refused', isServing: false };
    const dead = { name: 'helloworld.Greeter', isServing: false };

    expect(say({ groups, gateway: { ...away, services: [] } })).toContain(
      'error   gateway: it cannot be reached at 127.0.0.1:8080 (connection refused).',
    );
    expect(say({ groups, gateway: { ...gateway!, services: [dead] } })).toContain(
      'error   gateway: it has no live instance of helloworld.Greeter.',
    );
  });
});
