/*
 * Proposals as spans of the OpenTelemetry API.
 *
 *     the call ── raft.propose ─┬─ raft.commit     from its place in the log until a majority has it
 *                               └─ raft.apply      from then until the state machine has answered
 *     raft.propose ── raft.forwarded ── raft.commit    on the leader, when another replica passed the proposal on: its trace context comes with it
 *     raft.append (a trace of its own) ── raft.fsync   both linked with every proposal of the batch
 *
 * Only calls whose own span is recorded are followed: no SDK, or a sampler that says no, costs a look at the active context and allocates nothing.
 */
import {
  context,
  ROOT_CONTEXT,
  SpanStatusCode,
  trace,
  type Context,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { isTracing, recordingSpan } from '@raftway/observability';
import type { AppendSpan, ProposalSpan, RaftError, RaftTracing, TraceContext } from '@raftway/raft';

/** What the OpenTelemetry SDK keeps by default; more links would be dropped there. */
const LINKS_MAX = 128;

/** Where createReplica sends the spans of its node. */
export function raftTracing(): RaftTracing {
  const tracer = trace.getTracer('@raftway/raft');
  return {
    propose: () =>
      recordingSpan() === undefined
        ? undefined
        : new Proposal(tracer, 'raft.propose', context.active()),
    forwarded: (caller) => (isTracing() ? forwardedProposal(tracer, caller) : undefined),
    append: (proposals, entries) => new Append(tracer, proposals, entries),
  };
}

class Proposal implements ProposalSpan {
  readonly span: Span;
  private readonly within: Context;
  private step: Span | undefined;
  private isCommitted = false;

  constructor(
    private readonly tracer: Tracer,
    name: string,
    parent: Context,
  ) {
    this.span = tracer.startSpan(name, {}, parent);
    this.within = trace.setSpan(parent, this.span);
  }

  get context(): TraceContext | undefined {
    const own = this.span.spanContext();
    return trace.isSpanContextValid(own) ? own : undefined;
  }

  placed(index: number, term: number): void {
    this.span.setAttributes({ 'raft.index': index, 'raft.term': term });
    this.next('raft.commit');
  }

  committed(): void {
    if (this.isCommitted) return;
    this.isCommitted = true;
    this.next('raft.apply');
  }

  applied(): void {
    this.step?.end();
    this.span.end();
  }

  failed(error: RaftError): void {
    this.step?.end();
    this.span.setAttribute('raft.error', error.reason ?? error.code);
    this.span.setStatus({ code: SpanStatusCode.ERROR, message: error.message });
    this.span.end();
  }

  private next(name: string): void {
    this.step?.end();
    this.step = this.tracer.startSpan(name, {}, this.within);
  }
}

/** On the leader. It ends with the commit: the result is the other replica's to wait for. */
class ForwardedProposal extends Proposal {
  override committed(): void {
    this.applied();
  }
}

/** Undefined when the sampler does not keep it, although the caller's does. */
function forwardedProposal(tracer: Tracer, caller: TraceContext): ProposalSpan | undefined {
  const parent = trace.setSpanContext(ROOT_CONTEXT, { ...caller, isRemote: true });
  const forwarded = new ForwardedProposal(tracer, 'raft.forwarded', parent);
  return forwarded.span.isRecording() ? forwarded : undefined;
}

class Append implements AppendSpan {
  private readonly span: Span;
  private readonly links: Link[];

  constructor(
    private readonly tracer: Tracer,
    proposals: readonly ProposalSpan[],
    entries: number,
  ) {
    const spans = proposals.flatMap((proposal) =>
      proposal instanceof Proposal ? [proposal.span] : [],
    );
    this.links = spans.slice(0, LINKS_MAX).map((span) => ({ context: span.spanContext() }));
    const { links } = this;
    const attributes = { 'raft.entries': entries, 'raft.proposals': spans.length };
    this.span = tracer.startSpan('raft.append', { root: true, links, attributes });
    for (const span of spans) span.addLink({ context: this.span.spanContext() });
  }

  durable(syncMs: number): void {
    const endMs = Date.now();
    const within = trace.setSpan(context.active(), this.span);
    const { tracer, links } = this;
    tracer.startSpan('raft.fsync', { startTime: endMs - syncMs, links }, within).end(endMs);
    this.span.end(endMs);
  }
}
