import { command, eventually, KeyValue } from '../../test/support/key-value';
import type { TraceContext } from '../core';
import type { RaftError } from '../errors';
import type { AppendSpan, ProposalSpan, RaftObserver, RaftTracing } from '../observer';
import { createMemoryCluster, type MemoryCluster } from './memory-cluster';

interface Line {
  readonly name: string;
  readonly message: string;
  readonly fields: Record<string, unknown>;
}

const nothing = (): void => undefined;

/** A logger with tracers, of which the named ones are on. */
function tracing(lines: Line[], on: readonly string[]) {
  return {
    ...{ debug: nothing, info: nothing, warn: nothing, error: nothing },
    tracer: (name: string) => ({
      debugEnabled: on.includes(name),
      debug: (message: string, fields: Readonly<Record<string, unknown>> = {}) => {
        if (on.includes(name)) lines.push({ name, message, fields });
      },
    }),
  };
}

let cluster: MemoryCluster<string>;

afterEach(() => cluster.stop());

describe('tracers of a replica', () => {
  async function linesOf(...on: string[]): Promise<Line[]> {
    const lines: Line[] = [];
    cluster = await createMemoryCluster(3, () => new KeyValue(), { logger: tracing(lines, on) });
    const leader = await cluster.leader();
    const follower = [...cluster.nodes.values()].find(({ id }) => id !== leader.id);
    await follower?.propose(command('set a secret'));
    await follower?.readBarrier();
    return lines;
  }

  it('write one line an event, of the parts that are on and of no others', async () => {
    const lines = await linesOf('raft.election');

    expect(new Set(lines.map(({ name }) => name))).toEqual(new Set(['raft.election']));
    const said = lines.map(({ message }) => message);
    expect(said).toContain('pre-vote asked');
    expect(said).toContain('election started');
    expect(lines.find(({ message }) => message === 'election started')?.fields).toMatchObject({
      cause: 'noLeader',
      term: expect.any(Number) as number,
    });
    expect(lines.filter(({ fields }) => fields['type'] === 'requestVoteReply')).not.toEqual([]);
  });

  it('show how much is replicated, and never what', async () => {
    const lines = await linesOf('raft.replication', 'raft.proposal', 'raft.read', 'raft.storage');

    const types = new Set(lines.map(({ fields }) => fields['type']));
    expect([...types]).toEqual(
      expect.arrayContaining([
        ...['appendEntries', 'appendEntriesReply', 'forwardProposals', 'forwardProposalsReply'],
        ...['readIndexRequest', 'readIndexReply'],
      ]),
    );
    expect(lines.map(({ message }) => message)).toContain('batch durable');
    expect(lines.find(({ fields }) => fields['type'] === 'forwardProposals')?.fields).toMatchObject(
      { proposals: 1 },
    );
    for (const { fields } of lines) {
      expect(Object.values(fields).some((value) => value instanceof Uint8Array)).toBe(false);
    }
    expect(JSON.stringify(lines)).not.toContain('secret');
  });

  it('write nothing when none is on', async () => {
    expect(await linesOf()).toEqual([]);
  });
});

describe('figures of a replica', () => {
  it('tell why it campaigned, why it stopped leading, how long commits took and how a proposal failed', async () => {
    const campaigns: string[] = [];
    const losses: string[] = [];
    const failures: RaftError[] = [];
    let commits = 0;
    const observer: RaftObserver = {
      onCampaign: ({ cause, preVote }) => campaigns.push(`${preVote} ${cause}`),
      onLeadershipLost: ({ cause }) => losses.push(cause),
      onCommitted: (latencyMs) => {
        expect(latencyMs).toBeGreaterThanOrEqual(0);
        commits += 1;
      },
      onProposalFailed: (error) => failures.push(error),
    };
    cluster = await createMemoryCluster(3, () => new KeyValue(), { observer });
    const leader = await cluster.leader();
    const before = commits;
    await leader.propose(command('set a 1'));
    expect(commits).toBeGreaterThan(before);

    cluster.isolate(leader.id);
    await leader.propose(command('set b 1'), { timeoutMs: 400 }).catch(() => undefined);
    await cluster.leader();
    await cluster.stop();

    expect(campaigns).toEqual(expect.arrayContaining(['true noLeader', 'false noLeader']));
    expect(campaigns).toContain('false leaderSilent');
    expect(losses).toContain('quorumLost');
    expect(failures[0]).toMatchObject({ code: 'outcomeUnknown', reason: 'quorumLost' });
  });
});

describe('spans of a replica', () => {
  const CONTEXT = {
    traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
    spanId: '00f067aa0ba902b7',
    traceFlags: 1,
  };

  class Recorded implements ProposalSpan {
    readonly context = CONTEXT;
    readonly steps: string[] = [];
    placed = (): void => void this.steps.push('placed');
    committed = (): void => void this.steps.push('committed');
    applied = (): void => void this.steps.push('applied');
    failed = ({ code }: RaftError): void => void this.steps.push(code);
  }

  it('follow a proposal from its place to its result, and the write that it shares', async () => {
    const proposals: Recorded[] = [];
    const forwarded: { span: Recorded; caller: TraceContext }[] = [];
    const appends: { shared: readonly ProposalSpan[]; durable: number }[] = [];
    let recording = true;
    const tracing: RaftTracing = {
      propose: () => {
        if (!recording) return undefined;
        proposals.push(new Recorded());
        return proposals.at(-1);
      },
      forwarded: (caller) => {
        forwarded.push({ span: new Recorded(), caller });
        return forwarded.at(-1)?.span;
      },
      append: (shared): AppendSpan => {
        const append = { shared, durable: 0 };
        appends.push(append);
        return { durable: () => void (append.durable += 1) };
      },
    };
    cluster = await createMemoryCluster(3, () => new KeyValue(), { tracing });
    const leader = await cluster.leader();
    const follower = [...cluster.nodes.values()].find(({ id }) => id !== leader.id);

    await Promise.all([1, 2, 3].map((n) => leader.propose(command(`set a ${n}`))));
    await eventually('the write has ended', () => appends[0]?.durable === 1);
    expect(appends).toHaveLength(1);
    expect(appends[0]?.shared).toEqual(proposals);
    for (const { steps } of proposals) expect(steps.filter(isNews)).toEqual(PLACED_TO_APPLIED);

    expect(forwarded).toEqual([]);

    // The leader is told whose proposal it is, and follows it until it is committed.
    await follower?.propose(command('set b 1'));
    expect(proposals.at(-1)?.steps.at(-1)).toBe('applied');
    expect(forwarded).toEqual([{ span: expect.any(Recorded) as Recorded, caller: CONTEXT }]);
    expect(forwarded[0]?.span.steps).toEqual(['placed', 'committed']);
    expect(appends.map(({ shared }) => shared)).toEqual([
      proposals.slice(0, 3),
      [forwarded[0]?.span],
    ]);

    recording = false;
    await leader.propose(command('set c 1'));
    await follower?.propose(command('set d 1'));
    expect([proposals.length, forwarded.length, appends.length]).toEqual([4, 1, 2]);
  });

  it('end on a leader that lost its majority, as what it does not know of', async () => {
    const forwarded: Recorded[] = [];
    let recording = false;
    const tracing: RaftTracing = {
      propose: () => (recording ? new Recorded() : undefined),
      forwarded: () => {
        forwarded.push(new Recorded());
        return forwarded.at(-1);
      },
      append: () => ({ durable: nothing }),
    };
    cluster = await createMemoryCluster(5, () => new KeyValue(), { tracing });
    const leader = await cluster.leader();
    const [follower, ...others] = [...cluster.nodes.values()].filter(({ id }) => id !== leader.id);
    await follower?.propose(command('set a 1'));
    recording = true;

    // The proposal gets through to the leader, and two of five are no majority.
    for (const { id } of others) cluster.isolate(id);
    const proposal = follower?.propose(command('set b 1'), { timeoutMs: 2000 });
    proposal?.catch(nothing);
    await eventually('the span has ended', () => forwarded[0]?.steps.length === 2);

    expect(forwarded.map(({ steps }) => steps)).toEqual([['placed', 'outcomeUnknown']]);
  });

  const PLACED_TO_APPLIED = ['placed', 'committed', 'applied'];

  /** The same may be said twice. */
  function isNews(step: string, at: number, steps: readonly string[]): boolean {
    return steps.indexOf(step) === at;
  }
});
