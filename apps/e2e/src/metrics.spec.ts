import { eventually } from './harness/eventually';
import { ForeignClient } from './harness/foreign-client';
import { documentedMetrics, metricsText, servedMetrics, type MetricRow } from './harness/metrics';
import { Suite } from './harness/suite';

/** docs/reference/metrics.md is what the processes serve, to the word. */
describe('the metrics of a suite', () => {
  let suite: Suite;
  const served = new Map<string, MetricRow>();

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: 1_100 });
    const greeter = new ForeignClient(suite.gateway, 'helloworld.Greeter');
    await greeter.call('SayHello', { name: 'Ada' });
    greeter.close();
    const names = ['registry', 'lock-service', 'id-service', 'greeter', 'gateway'];
    for (const { httpAddress } of names.flatMap((name) => suite.instances(name))) {
      for (const row of await servedMetrics(httpAddress)) {
        const labels = new Set([...(served.get(row.name)?.labels ?? []), ...row.labels]);
        served.set(row.name, { ...row, labels: [...labels] });
      }
    }
  });

  afterAll(async () => {
    await suite.dispose();
  });

  it('are all documented, with their type and help, and nothing else is', () => {
    const row = ({ name, type, help }: MetricRow): string => `\`${name}\` | ${type} | ${help}`;

    expect(documentedMetrics().map(row).sort()).toEqual([...served.values()].map(row).sort());
  });

  it('have no label that is not documented', () => {
    for (const { name, labels } of documentedMetrics()) {
      expect({ name, labels }).toEqual({
        name,
        labels: expect.arrayContaining([...(served.get(name)?.labels ?? [])]) as string[],
      });
    }
  });

  it('say what each is, and of which unit', () => {
    for (const { name, type, help } of served.values()) {
      expect(help).toMatch(/^\S.{8,}\.$/);
      if (type === 'counter') expect(name).toMatch(/_total$/);
      if (type === 'histogram') expect(name).toMatch(/_(seconds|bytes|entries)$/);
    }
  });

  it('show on the leader alone how far behind its peers are', async () => {
    const leads = (text: string): boolean => /^raftway_raft_is_leader 1$/m.test(text);
    let texts: string[] = [];
    // On a busy machine nobody may lead at the moment of one look.
    await eventually('one replica leads', 20_000, async () => {
      texts = await Promise.all(
        suite.instances('lock-service').map(({ httpAddress }) => metricsText(httpAddress)),
      );
      return texts.filter(leads).length === 1;
    });

    for (const text of texts) {
      const peers = text.match(/^raftway_raft_peer_lag_entries\{peer="\d"\} \d+$/gm) ?? [];
      expect(peers).toHaveLength(leads(text) ? 2 : 0);
    }
    expect(texts.join('\n')).toMatch(/^raftway_raft_elections_total\{cause="\w+"\} \d+$/m);
  });
});
