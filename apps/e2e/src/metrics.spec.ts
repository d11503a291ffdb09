import { eventually } from './harness/eventually';
import { ForeignClient } from './harness/foreign-client';
import { listedMetrics, metricsText, servedMetrics, type MetricRow } from './harness/metrics';
import { Suite } from './harness/suite';

const APPS = ['registry', 'lock-service', 'id-service', 'greeter', 'gateway'];

/** docs/reference/metrics.json, of which metrics.md is made, is what the processes serve, to the word. */
describe('the metrics of a suite', () => {
  let suite: Suite;
  /** By app. */
  const served = new Map<string, Map<string, MetricRow>>();
  const rowsOf = (app: string): MetricRow[] => [...(served.get(app)?.values() ?? [])];

  beforeAll(async () => {
    suite = await Suite.start({ portOffset: 1_100 });
    const greeter = new ForeignClient(suite.gateway, 'helloworld.Greeter');
    await greeter.call('SayHello', { name: 'Ada' });
    greeter.close();
    for (const app of APPS) {
      const rows = new Map<string, MetricRow>();
      for (const { httpAddress } of suite.instances(app)) {
        for (const row of await servedMetrics(httpAddress)) {
          const labels = new Set([...(rows.get(row.name)?.labels ?? []), ...row.labels]);
          rows.set(row.name, { ...row, labels: [...labels] });
        }
      }
      served.set(app, rows);
    }
  });

  afterAll(async () => {
    await suite.dispose();
  });

  it.each(APPS)('%s: are all listed, with their type and help, and nothing else is', (app) => {
    const row = ({ name, type, help }: MetricRow): string => `\`${name}\` | ${type} | ${help}`;

    expect(listedMetrics(app).map(row).sort()).toEqual(rowsOf(app).map(row).sort());
  });

  it.each(APPS)('%s: have no label that is not listed', (app) => {
    for (const { name, labels } of listedMetrics(app)) {
      expect({ name, labels }).toEqual({
        name,
        labels: expect.arrayContaining([...(served.get(app)?.get(name)?.labels ?? [])]) as string[],
      });
    }
  });

  it('say what each is, and of which unit', () => {
    for (const { name, type, help } of APPS.flatMap(rowsOf)) {
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
