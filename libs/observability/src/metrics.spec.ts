import { Histogram, Registry } from 'prom-client';
import { createMetrics, type MetricFamily, withSpan } from './index';

it('counts, sets and observes', async () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.counter({ name: 'a_total', help: 'A.', labels: ['kind'] }).increment({ kind: 'x' }, 2);
  metrics.gauge({ name: 'b', help: 'B.' }).set(7);
  metrics.histogram({ name: 'c_seconds', help: 'C.', buckets: [1] }).observe(0.5);
  const text = await metrics.text();
  expect(text).toContain('a_total{kind="x"} 2');
  expect(text).toContain('b 7');
  expect(text).toContain('c_seconds_bucket{le="1"} 1');
});

it('counts and observes for labels that were given once', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const counter = metrics.counter({ name: 'calls_total', help: 'Calls.', labels: ['code'] });
  const count = counter.with({ code: 'OK' });
  const seconds = metrics.histogram({ name: 'seconds', help: 'Time.', labels: ['code'] });
  const observe = seconds.with({ code: 'OK' });

  count();
  count(2);
  counter.increment({ code: 'OK' });
  observe(0.2);

  expect(await metrics.text()).toContain('calls_total{code="OK"} 4');
  count();
  const text = await metrics.text();
  expect(text).toContain('calls_total{code="OK"} 5');
  expect(text).toContain('seconds_count{code="OK"} 1');
  expect(() => count(-1)).toThrow(new RangeError('a counter does not go down: -1'));
});

it('tells of a histogram what prom-client tells', async () => {
  const settings = { name: 'seconds', help: 'Time.', buckets: [0.1, 1] };
  const registry = new Registry();
  const theirs = new Histogram({
    ...settings,
    labelNames: ['code', 'kind'],
    registers: [registry],
  });
  const bare = new Histogram({ ...settings, name: 'bare_seconds', registers: [registry] });
  const metrics = createMetrics({ processMetrics: false });
  const ours = metrics.histogram({ ...settings, labels: ['code', 'kind'] });
  const oursBare = metrics.histogram({ ...settings, name: 'bare_seconds' });

  expect(await metrics.text()).toBe(await registry.metrics());
  for (const [code, value] of [
    ['OK', 0.1],
    ['OK', 0.05],
    ['OK', 1.5],
    ['NOT_FOUND', 0.7],
  ] as const) {
    theirs.observe({ code, kind: 'a "b"' }, value);
    ours.observe(value, { code, kind: 'a "b"' });
    bare.observe(value);
    oursBare.observe(value);
  }
  theirs.observe({ code: 'OK' }, 3);
  ours.observe(3, { code: 'OK' });

  expect(await metrics.text()).toBe(await registry.metrics());
  const samples = (families: readonly MetricFamily[]) =>
    families.flatMap(({ name, values }) =>
      values.map(({ metricName, labels, value }) => [name, metricName, labels, value]),
    );
  const told = (await registry.getMetricsAsJSON()) as unknown as readonly MetricFamily[];
  expect(samples(await metrics.families())).toEqual(samples(told));
  expect(() => ours.observe(NaN)).toThrow(TypeError);
});

it('knows a value of a label as a number and as a text', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const options = { name: 'a_total', help: 'A.', labels: ['code', 'kind'], combinationsMax: 2 };
  const counter = metrics.counter(options);
  counter.increment({ code: 1, kind: 'x' });
  counter.increment({ code: '1', kind: 'x' });
  counter.increment({ code: 1 });

  expect(await metrics.text()).toContain('a_total{code="1",kind="x"} 2');
  expect(await metrics.text()).toContain('a_total{code="1"} 1');
});

it('yields the same metric for the same name', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const options = { name: 'a_total', help: 'A.' };
  metrics.counter(options).increment();
  metrics.counter(options).increment();
  expect(await metrics.text()).toContain('a_total 2');
});

it('counts further label combinations as other, so that input cannot fill the memory', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const counter = metrics.counter({
    name: 'a_total',
    help: 'A.',
    labels: ['name'],
    combinationsMax: 2,
  });
  for (const name of ['one', 'two', 'three', 'four', 'one']) counter.increment({ name });
  const text = await metrics.text();
  expect(text).toContain('a_total{name="one"} 2');
  expect(text).toContain('a_total{name="other"} 2');
  expect(text).not.toContain('three');
});

it('reads gauges when they are scraped', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const gauge = metrics.gauge({ name: 'size', help: 'Size.' });
  let size = 1;
  metrics.onScrape(() => gauge.set(size));
  size = 2;
  expect(await metrics.text()).toContain('size 2');
});

it('has the figures of the process, and labels for all', async () => {
  const metrics = createMetrics({ defaultLabels: { service: 'greeter' } });
  expect(await metrics.text()).toMatch(/process_cpu_seconds_total\{service="greeter"\}/);
});

describe('withSpan', () => {
  it('yields what the work yields and throws what it throws, with no SDK present', async () => {
    expect(await withSpan('test', 'work', { n: 1 }, () => 7)).toBe(7);
    await expect(
      withSpan('test', 'work', {}, () => Promise.reject(new Error('failed'))),
    ).rejects.toThrow('failed');
  });
});

it('forgets the series of a gauge that is set anew, and their share of the limit', async () => {
  const metrics = createMetrics({ processMetrics: false });
  const lag = metrics.gauge({
    name: 'raftway_lag',
    help: 'Lag.',
    labels: ['peer'],
    combinationsMax: 2,
  });
  for (const peer of [1, 2]) lag.set(peer, { peer });

  lag.reset();
  for (const peer of [3, 4]) lag.set(peer, { peer });

  const text = await metrics.text();
  expect(text.match(/^raftway_lag\{.*$/gm)).toEqual([
    'raftway_lag{peer="3"} 3',
    'raftway_lag{peer="4"} 4',
  ]);
});

it('tells what has been declared, before anything is measured', () => {
  const metrics = createMetrics({ processMetrics: false });
  metrics.histogram({ name: 'c_seconds', help: 'C.' });
  metrics.counter({ name: 'a_total', help: 'A.', labels: ['kind', 'cause'] });

  expect(metrics.declared()).toEqual([
    { name: 'a_total', type: 'counter', labels: ['kind', 'cause'], help: 'A.' },
    { name: 'c_seconds', type: 'histogram', labels: [], help: 'C.' },
  ]);
  const names = createMetrics()
    .declared()
    .map(({ name, type }) => `${name} ${type}`);
  expect(names).toContain('process_cpu_seconds_total counter');
  expect(names).toContain('nodejs_gc_duration_seconds histogram');
});
