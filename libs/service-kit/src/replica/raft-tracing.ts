/*
 * Proposals as spans of the OpenTelemetry API.
 *
 *     the call ── raft.propose ─┬─ raft.commit     from its place in the log until a majority has it
 *                               └─ raft.apply      from then until the state machine has answered
 *     raft.append (a trace of its own, linked with every proposal of the batch) ── raft.fsync
 *
 * Only calls whose own span is recorded are followed: no SDK, or a sampler that says no, costs a look at the active context and allocates nothing.
 */
import {
  context,
  SpanStatusCode,
  trace,
  type Link,
  type Span,
  type Tracer,
} from '@opentelemetry/api';
import { recordingSpan } from '@raftway/observability';
import type { AppendSpan, ProposalSpan, RaftError, RaftTracing } from '@raftway/raft';

/** What the OpenTelemetry SDK keeps by default; more links would be dropped there. */
const LINKS_MAX = 128;

/** Where createReplica sends the spans of its node. */
export function raftTracing(): RaftTracing {
  const tracer = trace.getTracer('@raftway/raft');
  return {
    propose: () => (recordingSpan() === undefined ? undefined : new Proposal(tracer)),
    append: (proposals, entries) => new Append(tracer, proposals, entries),
  };
}

class Proposal implements ProposalSpan {
  readonly span: Span;
  private readonly within;
  private step: Span | undefined;
  private isCommitted = false;

  constructor(private readonly tracer: Tracer) {
    this.span = tracer.startSpan('raft.propose');
    this.within = trace.setSpan(context.active(), this.span);
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

class Append implements AppendSpan {
  private readonly span: Span;

  constructor(
    private readonly tracer: Tracer,
    proposals: readonly ProposalSpan[],
    entries: number,
  ) {
    const spans = proposals.flatMap((proposal) =>
      proposal instanceof Proposal ? [proposal.span] : [],
    );
    const links: Link[] = spans
      .slice(0, LINKS_MAX)
      .map((span) => ({ context: span.spanContext() }));
    const attributes = { 'raft.entries': entries, 'raft.proposals': spans.length };
    this.span = tracer.startSpan('raft.append', { root: true, links, attributes });
    for (const span of spans) span.addLink({ context: this.span.spanContext() });
  }

  durable(syncMs: number): void {
    const endMs = Date.now();
    const within = trace.setSpan(context.active(), this.span);
    this.tracer.startSpan('raft.fsync', { startTime: endMs - syncMs }, within).end(endMs);
    this.span.end(endMs);
  }
}
