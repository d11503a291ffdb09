import {
  context,
  trace,
  TraceFlags,
  type Context,
  type ContextManager,
  type Link,
  type Span,
  type SpanOptions,
  type Tracer,
} from '@opentelemetry/api';
import { RaftError, type ProposalSpan } from '@raftway/raft';
import { createTestReplica, testCall } from '../testing';
import { raftTracing } from './raft-tracing';

/** What reaches the API; the SDK is the operator's choice and no dependency of ours. */
interface Started {
  readonly name: string;
  readonly id: string;
  readonly parent: string | undefined;
  readonly options: SpanOptions;
  readonly links: Link[];
  readonly attributes: Record<string, unknown>;
  ended: boolean;
}

const started: Started[] = [];

const tracer = {
  startSpan(name: string, options: SpanOptions = {}, within: Context = context.active()): Span {
    const parent = options.root === true ? undefined : trace.getSpanContext(within)?.spanId;
    const links = [...(options.links ?? [])];
    const record: Started = {
      ...{ name, id: `${name}-${started.length}`, parent, options, links, ended: false },
      attributes: { ...options.attributes },
    };
    started.push(record);
    const span = {
      spanContext: () => ({
        traceId: 't'.repeat(32),
        spanId: record.id,
        traceFlags: TraceFlags.SAMPLED,
      }),
      isRecording: () => !record.ended,
      addLink: (link: Link) => record.links.push(link),
      setAttribute: (key: string, value: unknown) => void (record.attributes[key] = value),
      setAttributes: (values: object) => void Object.assign(record.attributes, values),
      setStatus: (status: object) => void Object.assign(record.attributes, { status }),
      end: () => void (record.ended = true),
    };
    return span as unknown as Span;
  },
} as unknown as Tracer;

/** The smallest context manager that is one: contexts of synchronous code only. */
class StackContextManager implements ContextManager {
  private current: Context;
  constructor(private readonly root: Context) {
    this.current = root;
  }
  active = (): Context => this.current;
  with<A extends unknown[], F extends (...args: A) => ReturnType<F>>(
    inner: Context,
    work: F,
    thisArg?: ThisParameterType<F>,
    ...args: A
  ): ReturnType<F> {
    const outer = this.current;
    this.current = inner;
    try {
      return work.call(thisArg, ...args);
    } finally {
      this.current = outer;
    }
  }
  bind = <T>(_inner: Context, target: T): T => target;
  enable = (): this => this;
  disable(): this {
    this.current = this.root;
    return this;
  }
}

const counter = {
  apply: () => 1,
  snapshot: () => new Uint8Array(0),
  restore: () => undefined,
  encodeResult: () => new Uint8Array(0),
  decodeResult: () => 1,
};

function named(name: string): Started[] {
  return started.filter((span) => span.name === name);
}

describe('with an SDK in the process', () => {
  beforeAll(() => {
    trace.setGlobalTracerProvider({ getTracer: () => tracer });
    context.setGlobalContextManager(new StackContextManager(context.active()));
  });

  afterAll(() => {
    trace.disable();
    context.disable();
  });

  beforeEach(() => {
    started.length = 0;
  });

  it('a proposal is a span of its caller’s, with the wait for commit and apply in it, and linked with the write that it shares', async () => {
    const replica = await createTestReplica({ stateMachine: counter, tracing: raftTracing() });
    const call = tracer.startSpan('call');

    await context
      .with(trace.setSpan(context.active(), call), () =>
        Promise.all([1, 2].map(() => replica.propose(Uint8Array.of(1), testCall()))),
      )
      .finally(() => replica.stop());

    const proposals = named('raft.propose');
    expect(proposals.map(({ parent }) => parent)).toEqual(['call-0', 'call-0']);
    const ids = proposals.map(({ id }) => id);
    expect(named('raft.commit').map(({ parent }) => parent)).toEqual(ids);
    expect(named('raft.apply').map(({ parent }) => parent)).toEqual(ids);
    const [append, ...others] = named('raft.append');
    expect(others).toEqual([]);
    expect(append?.parent).toBeUndefined();
    expect(append?.links.map((link) => link.context.spanId)).toEqual(ids);
    for (const { links } of proposals) expect(links[0]?.context.spanId).toBe(append?.id);
    const syncs = named('raft.fsync');
    expect(syncs.map(({ parent }) => parent)).toEqual([append?.id]);
    expect(syncs[0]?.links.map((link) => link.context.spanId)).toEqual(ids);
    expect(proposals[0]?.attributes).toMatchObject({ 'raft.index': expect.any(Number) as number });
    expect(started.filter(({ name, ended }) => name !== 'call' && !ended)).toEqual([]);
  });

  it('a proposal that fails says why', () => {
    const call = tracer.startSpan('call');
    const proposal = context.with(trace.setSpan(context.active(), call), () =>
      raftTracing().propose(),
    ) as ProposalSpan;

    proposal.failed(new RaftError('outcomeUnknown', 'why', { reason: 'quorumLost' }));

    expect(named('raft.propose')[0]).toMatchObject({
      ended: true,
      attributes: { 'raft.error': 'quorumLost', status: { code: 2, message: 'why' } },
    });
  });

  it('a proposal that was passed on is a span of its caller’s on the leader, until it is committed', () => {
    const caller = { traceId: '0af7651916cd43dd8448eb211c80319c', spanId: 'b7ad6b7169203331' };

    const forwarded = raftTracing().forwarded({ ...caller, traceFlags: 1 });
    forwarded?.placed(7, 3);
    forwarded?.committed();

    const [span] = named('raft.forwarded');
    expect(span).toMatchObject({ parent: caller.spanId, ended: true });
    expect(span?.attributes).toEqual({ 'raft.index': 7, 'raft.term': 3 });
    expect(named('raft.commit')).toMatchObject([{ parent: span?.id, ended: true }]);
    expect(named('raft.apply')).toEqual([]);
  });

  it('a call that nobody records is not followed', () => {
    expect(raftTracing().propose()).toBeUndefined();
    expect(started).toEqual([]);
  });
});

describe('without an SDK in the process', () => {
  it('a leader follows no proposal that was passed on', () => {
    const caller = { traceId: '1'.repeat(32), spanId: '1'.repeat(16), traceFlags: 1 };
    expect(raftTracing().forwarded(caller)).toBeUndefined();
  });

  it('the hot path begins no span and allocates nothing', () => {
    const tracing = raftTracing();
    let spans = 0;
    const measure = (): number => {
      const before = process.memoryUsage().heapUsed;
      for (let call = 0; call < CALLS; call += 1) if (tracing.propose() !== undefined) spans += 1;
      return (process.memoryUsage().heapUsed - before) / CALLS;
    };
    // The first rounds are compiled, and one in which the collector ran says nothing: hence the median of the later ones.
    const bytes = Array.from({ length: 20 }, measure).slice(5);
    const median = bytes.sort((one, other) => one - other)[7] ?? Number.NaN;

    expect(spans).toBe(0);
    // The smallest object has 12 bytes or more; reading the heap's size costs some hundred bytes a round.
    expect(Math.abs(median)).toBeLessThan(1);
  });

  const CALLS = 100_000;
});
