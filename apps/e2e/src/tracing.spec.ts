import { randomBytes } from 'node:crypto';
import { CollectorServer, OTLP_SERVER_KIND, type CollectedSpan } from './harness/collector';
import { eventually } from './harness/eventually';
import { ForeignClient } from './harness/foreign-client';
import { leaderOf } from './harness/groups';
import { Suite } from './harness/suite';

const METHOD = 'raftway.lock.v1.LockService/Acquire';
/** The gateway takes the three replicas in turn, so that some calls land on the leader and some do not. */
const CALLS = 6;
const EXPORT_TIMEOUT_MS = 30_000;

interface TracedCall {
  readonly traceId: string;
  readonly spanId: string;
}

/** One call of one caller is one trace, through every process that has a part in it. */
describe('the spans of a suite', () => {
  const collector = new CollectorServer();
  const calls: TracedCall[] = [];
  let suite: Suite;
  let leader: string;

  beforeAll(async () => {
    const endpoint = await collector.start();
    suite = await Suite.start({
      portOffset: 1_250,
      environment: {
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
        OTEL_BSP_SCHEDULE_DELAY: '500',
        OTEL_METRICS_EXPORTER: 'otlp',
        OTEL_METRIC_EXPORT_INTERVAL: '5000',
        // Names one process; a suite has twelve.
        OTEL_SERVICE_NAME: 'mine',
      },
    });
    leader = (await leaderOf(suite, 'lock-service')).name;
    const locks = new ForeignClient(suite.gateway, 'raftway.lock.v1.LockService');
    for (let call = 0; call < CALLS; call += 1) {
      const traced = {
        traceId: randomBytes(16).toString('hex'),
        spanId: randomBytes(8).toString('hex'),
      };
      const traceparent = `00-${traced.traceId}-${traced.spanId}-01`;
      const request = { name: `traced-${call}`, ttl: { seconds: '30' } };
      await locks.call('Acquire', request, undefined, { traceparent });
      calls.push(traced);
    }
    locks.close();
    await eventually('all replicas have exported', EXPORT_TIMEOUT_MS, () =>
      calls.every(({ traceId }) => syncsOf(traceId).length > 0 && isComplete(traceId)),
    );
  });

  afterAll(async () => {
    await suite?.dispose();
    collector.stop();
  });

  function spansOf(traceId: string): CollectedSpan[] {
    return collector.spans.filter((span) => span.traceId === traceId);
  }

  /** The gateway's span, those of the replica that answers, and those of the leader if that is another one. */
  function isComplete(traceId: string): boolean {
    const spans = spansOf(traceId);
    const instances = new Set(spans.map(({ instance }) => instance));
    const names = new Set(spans.map(({ name }) => name));
    const expected = ['raft.propose', 'raft.apply', METHOD];
    if (!instances.has(leader) || instances.size > 2) expected.push('raft.forwarded');
    return instances.size >= 2 && expected.every((name) => names.has(name));
  }

  /** The shared writes that say that they were for this trace, too. */
  function syncsOf(traceId: string): CollectedSpan[] {
    return collector.spans.filter(
      ({ name, links }) => name === 'raft.fsync' && links.some((link) => link.traceId === traceId),
    );
  }

  /** The calls that the gateway sent to the leader, or to another replica. */
  function landedOn(which: 'leader' | 'follower'): TracedCall[] {
    return calls.filter(({ traceId }) => {
      const { instance } = only(traceId, 'lock-service', METHOD);
      return (instance === leader) === (which === 'leader');
    });
  }

  function only(traceId: string, service: string, name: string): CollectedSpan {
    const found = spansOf(traceId).filter((span) => span.service === service && span.name === name);
    expect(found.map((span) => span.name)).toEqual([name]);
    return found[0] as CollectedSpan;
  }

  it('go from the caller through the gateway to the replica that answers', () => {
    for (const { traceId, spanId } of calls) {
      const gateway = only(traceId, 'gateway', METHOD);
      const service = only(traceId, 'lock-service', METHOD);

      expect(gateway).toMatchObject({ kind: OTLP_SERVER_KIND, parentSpanId: spanId });
      expect(service).toMatchObject({ kind: OTLP_SERVER_KIND, parentSpanId: gateway.spanId });
      expect(service.attributes).toMatchObject({
        'rpc.system.name': 'grpc',
        'rpc.method': METHOD,
        'rpc.response.status_code': 'OK',
      });
      expect(String(gateway.attributes['raftway.gateway.instance'])).toContain(
        `lock-service/${service.instance}@`,
      );
    }
  });

  it('have a proposal on that replica, with its commit and its result', () => {
    for (const { traceId } of calls) {
      const service = only(traceId, 'lock-service', METHOD);
      const proposal = only(traceId, 'lock-service', 'raft.propose');
      const parts = spansOf(traceId).filter(({ parentSpanId }) => parentSpanId === proposal.spanId);

      expect(proposal).toMatchObject({
        parentSpanId: service.spanId,
        instance: service.instance,
      });
      expect(parts.map(({ name }) => name)).toEqual(
        expect.arrayContaining(['raft.commit', 'raft.apply']),
      );
    }
  });

  it('are linked with the write of a leader that was called itself', () => {
    const landed = landedOn('leader');
    expect(landed.length).toBeGreaterThan(0);
    for (const { traceId } of landed) {
      const proposal = only(traceId, 'lock-service', 'raft.propose');
      const [sync] = syncsOf(traceId);

      expect(sync?.instance).toBe(leader);
      expect(sync?.links.map((link) => link.spanId)).toContain(proposal.spanId);
      expect(sync?.traceId).not.toBe(traceId);
    }
  });

  it('go on at the leader when another replica was called, and are linked with its write', () => {
    const landed = landedOn('follower');
    expect(landed.length).toBeGreaterThan(0);
    for (const { traceId } of landed) {
      const proposal = only(traceId, 'lock-service', 'raft.propose');
      const forwarded = only(traceId, 'lock-service', 'raft.forwarded');
      const commit = spansOf(traceId).find(
        ({ name, parentSpanId }) => name === 'raft.commit' && parentSpanId === forwarded.spanId,
      );
      const [sync] = syncsOf(traceId);

      expect(proposal.instance).not.toBe(leader);
      expect(forwarded).toMatchObject({ instance: leader, parentSpanId: proposal.spanId });
      expect(commit?.instance).toBe(leader);
      expect(sync?.instance).toBe(leader);
      expect(sync?.links.map((link) => link.spanId)).toContain(forwarded.spanId);
    }
  });

  it('come from processes that have the names of their apps', () => {
    expect(new Set(collector.spans.map(({ service }) => service))).not.toContain('mine');
  });

  it('come with metrics, when these are asked for', async () => {
    await eventually('metrics are exported', EXPORT_TIMEOUT_MS, () =>
      ['rpc.server.call.duration', 'raftway_lock_held', 'process_resident_memory_bytes'].every(
        (name) => collector.metrics.has(`lock-service ${name}`),
      ),
    );
  });
});
