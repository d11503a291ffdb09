import type { Ready } from '../core';
import type { AppendSpan, ProposalSpan, RaftTracing } from '../observer';

/** Writes whose end is waited for; there are never more than a few, unless the disk hangs. */
const APPENDS_MAX = 1024;

/** The spans of writes that recorded proposals share. While nothing is recorded this does nothing. */
export class AppendSpans {
  private open: { readonly number: number; readonly span: AppendSpan }[] = [];

  constructor(private readonly tracing: RaftTracing | undefined) {}

  /** This leader appended the entries of these proposals. */
  begin({ persist }: Ready, proposals: readonly ProposalSpan[]): void {
    if (this.tracing === undefined || persist === undefined || this.open.length >= APPENDS_MAX) {
      return;
    }
    const span = this.tracing.append(proposals, persist.entries.length);
    this.open.push({ number: persist.number, span });
  }

  /** @param syncMs how long the write took that made everything up to `number` durable. */
  durable(number: number, syncMs: number): void {
    if (this.open.length === 0) return;
    const done = this.open.filter((append) => append.number <= number);
    this.open = this.open.filter((append) => append.number > number);
    for (const { span } of done) span.durable(syncMs);
  }
}
