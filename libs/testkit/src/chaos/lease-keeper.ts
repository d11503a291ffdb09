import { setTimeout as sleep } from 'node:timers/promises';
import type { Method, Rpc } from './rpc';

/** Renewals on one stream. */
const BATCH = 1_000;
const BATCH_TIMEOUT_MS = 1_500;

/** How leases of one kind are renewed. */
export interface Renewal<Request, Response> {
  readonly kind: string;
  readonly method: Method<Request, Response>;
  readonly addresses: readonly string[];
  readonly request: (id: string) => Request;
  readonly answer: (response: Response) => { readonly id: string; readonly expired: boolean };
}

/** Renews many leases as their owners would: several times within their time to live, at whatever replica answers. */
export class LeaseKeeper<Request, Response> {
  /** Leases that had ended although they were renewed. */
  readonly ended = new Set<string>();
  private readonly kept = new Set<string>();
  private running = false;
  private loop: Promise<void> = Promise.resolve();
  private next = 0;

  constructor(
    private readonly rpc: Rpc,
    private readonly renewal: Renewal<Request, Response>,
    private readonly intervalMs: number,
  ) {}

  keep(id: string): void {
    this.kept.add(id);
  }

  /** From now on nobody renews it. */
  abandon(id: string): void {
    this.kept.delete(id);
  }

  start(): void {
    this.running = true;
    this.loop = this.run();
  }

  async stop(): Promise<void> {
    this.running = false;
    await this.loop;
  }

  /** Renews every lease once, at one replica after the other until all have an answer; gives up after `timeoutMs`. */
  async renewAll(timeoutMs: number): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    let left = [...this.kept];
    while (left.length > 0 && performance.now() < deadline) {
      const unanswered: string[] = [];
      for (let start = 0; start < left.length; start += BATCH) {
        unanswered.push(...(await this.renewBatch(left.slice(start, start + BATCH))));
      }
      if (unanswered.length === left.length) await sleep(50);
      left = unanswered.filter((id) => this.kept.has(id));
    }
  }

  private async run(): Promise<void> {
    while (this.running) {
      const startedAt = performance.now();
      await this.renewAll(this.intervalMs);
      await sleep(Math.max(0, startedAt + this.intervalMs - performance.now()));
    }
  }

  /** @returns those without an answer */
  private async renewBatch(ids: readonly string[]): Promise<string[]> {
    const { method, addresses, request, answer } = this.renewal;
    const address = addresses[this.next % addresses.length] ?? '';
    const requests = ids.map(request);
    const responses = await this.rpc.exchangeMany(address, method, requests, BATCH_TIMEOUT_MS);
    // Stay with whoever answers.
    if (responses.length < ids.length) this.next += 1;
    const answered = new Set<string>();
    for (const { id, expired } of responses.map(answer)) {
      answered.add(id);
      if (!expired) continue;
      this.ended.add(id);
      this.kept.delete(id);
    }
    return ids.filter((id) => !answered.has(id));
  }
}
