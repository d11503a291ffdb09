import { resourceExhausted, unavailable, type ServiceError } from '@raftway/errors';

/** A call in progress, as the tracker sees it. */
export interface TrackedCall {
  /** Whether it never ends of its own accord: waiting for it would only delay a drain. */
  readonly endless: boolean;
  /** Ends it with this error. */
  abort(reason: ServiceError): void;
}

/** The calls in progress on one server: bounds their number, and ends them at drain. */
export class CallTracker {
  private readonly calls = new Set<TrackedCall>();
  private idleListeners: (() => void)[] = [];
  private draining = false;

  /** @param callsMax calls in progress at most. */
  constructor(private readonly callsMax: number) {}

  get size(): number {
    return this.calls.size;
  }

  /** Why a new call is refused, if it is. Nothing has happened for it then. */
  refusal(): ServiceError | undefined {
    if (this.draining) return drainingError({ unprocessed: true });
    if (this.calls.size < this.callsMax) return undefined;
    return resourceExhausted('TOO_MANY_CALLS', `${this.callsMax} calls are in progress`, {
      metadata: { limit: String(this.callsMax), value: String(this.calls.size) },
      retryDelayMs: 100,
    });
  }

  add(call: TrackedCall): void {
    this.calls.add(call);
  }

  remove(call: TrackedCall): void {
    this.calls.delete(call);
    if (this.calls.size > 0) return;
    for (const listener of this.idleListeners.splice(0)) listener();
  }

  /** Refuses calls from now on, and ends the endless ones; all others, streams too, go on until they finish or abortAll(). */
  drain(): void {
    this.draining = true;
    for (const call of this.calls) if (call.endless) call.abort(drainingError());
  }

  /** Ends every call that is left. */
  abortAll(): void {
    for (const call of this.calls) call.abort(drainingError());
  }

  /** Resolves when no call is in progress. */
  idle(): Promise<void> {
    if (this.calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => this.idleListeners.push(resolve));
  }
}

function drainingError(more: { readonly unprocessed?: boolean } = {}): ServiceError {
  return unavailable('DRAINING', 'the server is about to stop; call another instance', more);
}
