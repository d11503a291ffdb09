import type { ForwardPlaced, LogIndex } from '../core';
import type { ProposalSpan, RaftTracing } from '../observer';
import { outcomeUnknown } from './refusals';

/** Proposals that are followed at a time; what a leader may hold uncommitted bounds them, too. */
const FORWARDED_MAX = 4096;

const NONE: readonly ProposalSpan[] = [];

/** The spans of proposals that other replicas passed on to this leader, until they are committed. While nothing is recorded this does nothing. */
export class ForwardedSpans {
  /** In the order of the log. */
  private open: { readonly index: LogIndex; readonly span: ProposalSpan }[] = [];

  constructor(private readonly tracing: RaftTracing | undefined) {}

  /** This leader gave these their places. Yields the spans that begin with that. */
  begin(forwarded: readonly ForwardPlaced[] | undefined): readonly ProposalSpan[] {
    if (this.tracing === undefined || forwarded === undefined) return NONE;
    const begun: ProposalSpan[] = [];
    for (const { trace, index, term } of forwarded) {
      if (this.open.length >= FORWARDED_MAX) break;
      const span = this.tracing.forwarded(trace);
      if (span === undefined) continue;
      span.placed(index, term);
      this.open.push({ index, span });
      begun.push(span);
    }
    return begun;
  }

  /** This leader knows that everything up to an index is committed. */
  committed(index: LogIndex): void {
    while (this.open[0] !== undefined && this.open[0].index <= index) {
      this.open.shift()?.span.committed();
    }
  }

  /** This replica does not lead, or stops: what becomes of them is not known here. */
  lost(): void {
    if (this.open.length === 0) return;
    for (const { span } of this.open) span.failed(outcomeUnknown('leaderChanged'));
    this.open = [];
  }
}
