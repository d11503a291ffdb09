import { styleFor } from '../command/style';
import { assessSuite } from '../suite/assess-suite';
import type { SuiteObservation } from '../suite/observation';
import { expectGolden } from '../../test/support/golden';
import {
  diskFullMachine,
  diskFullSuite,
  healthyMachine,
  healthySuite,
  leaderlessMachine,
  leaderlessSuite,
  replica,
  withLockReplicas,
} from '../../test/support/recorded-suites';
import { diagnose } from './diagnose';
import type { MachineFacts } from './facts';
import { renderChecks } from './render';

const say = (suite: SuiteObservation, machine: MachineFacts | undefined): string =>
  renderChecks(diagnose(assessSuite(suite), machine, '0.1.0'), styleFor(false));

/** The first process of a healthy machine, changed. */
function withFirst(changes: Partial<MachineFacts['processes'][number]>): MachineFacts {
  const machine = healthyMachine();
  const [first, ...others] = machine.processes;
  return { ...machine, processes: [{ ...first!, ...changes }, ...others] };
}

describe('raftway doctor', () => {
  it.each([
    ['healthy', healthySuite, healthyMachine],
    ['leaderless', leaderlessSuite, leaderlessMachine],
    ['disk-full', diskFullSuite, diskFullMachine],
  ])('examines a suite that is %s', (name, suite, machine) => {
    expectGolden(`doctor-${name}`, say(suite(), machine()));
  });

  it('says nothing of a machine that it is not on', () => {
    const text = say(healthySuite(), undefined);

    expect(text).toContain('ok  versions');
    expect(text).not.toContain('ports');
  });

  it('tells a foreign process on a port from the suite’s own', () => {
    const ports = [{ address: '127.0.0.1:20061', state: 'taken' }];

    const text = say(healthySuite(), withFirst({ isAlive: false, answers: false, ports }));

    expect(text).toContain('127.0.0.1:20061 is taken by another process, and it does not run.');
    expect(text).toContain(`ss -ltnp 'sport = :20061'`);
  });

  it('tells a process that hangs from one that has ended', () => {
    const hangs = say(healthySuite(), withFirst({ answers: false }));
    const ended = say(healthySuite(), withFirst({ answers: false, isAlive: false }));

    expect(hangs).toContain('registry-1: it runs as process 4242 and does not answer.');
    expect(ended).toContain('registry-1: it does not run; it was process 4242.');
  });

  it('warns of a small disk, few files, a small limit of open files, and one that is nearly used', () => {
    const MEBIBYTE = 1024 * 1024;
    const disk = { path: '.raftway', freeBytes: 500 * MEBIBYTE, freeFiles: 100_000 };
    const small = say(healthySuite(), { ...healthyMachine(), disks: [disk] });
    const roomy = { ...disk, freeBytes: 9000 * MEBIBYTE, freeFiles: 3 };
    const few = say(healthySuite(), { ...healthyMachine(), disks: [roomy] });

    expect(small).toContain('warning .raftway: 500 MiB are left on its disk.');
    expect(few).toContain('error   .raftway: only 3 files can still be made on its disk.');
    expect(say(healthySuite(), withFirst({ openFiles: { used: 40, limit: 1024 } }))).toContain(
      'warning registry-1: it may have 1024 files open, and each connection is one.',
    );
    expect(say(healthySuite(), withFirst({ openFiles: { used: 900, limit: 1024 } }))).toContain(
      'error   registry-1: it has 900 files open, and may have 1024.',
    );
  });

  it('says which directory cannot be used', () => {
    const refused = { path: '.raftway/registry-1', holder: 7, refused: 'EACCES' };

    const text = say(healthySuite(), { ...healthyMachine(), directories: [refused] });

    expect(text).toContain('.raftway/registry-1: it cannot be read and written (EACCES).');
    expect(text).toContain('Process 7 uses it.');
  });

  it('says that clocks differ, but not what the network may account for', () => {
    const ahead = (clockOffsetMs: number, clockErrorMs: number): string => {
      const fast = replica('lock-service', 3, { clockOffsetMs, clockErrorMs });
      const others = [replica('lock-service', 1), replica('lock-service', 2)];
      return say(withLockReplicas([...others, fast]), undefined);
    };

    expect(ahead(900, 1)).toContain('warning lock-service-3: it is 0.9 s ahead of registry-1.');
    expect(ahead(60_000, 1)).toContain('error   lock-service-3: it is 60.0 s ahead');
    expect(ahead(900, 600)).toContain('ok  clocks');
  });

  it('says that replicas run different releases, or an old runtime', () => {
    const mixed = [
      replica('lock-service', 1, { version: '0.2.0' }),
      replica('lock-service', 2, { version: '' }),
      replica('lock-service', 3, { runtime: 'node v18.1.0' }),
    ];

    const text = say(withLockReplicas(mixed), undefined);

    expect(text).toContain('0.2.0 (lock-service-1); one that does not say (lock-service-2)');
    expect(text).toContain('its replicas run on different runtimes');
    expect(text).toContain('error   lock-service-3: it runs on node v18.1.0');
  });
});
