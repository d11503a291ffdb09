import { type ServiceError } from '@raftway/errors';

/** A call whose client has not been told an outcome yet. */
export interface OpenCall {
  /** Ends it with this error. */
  stop(error: ServiceError): void;
}

/** The calls in progress, so that a drain can tell those that are left why they end. */
export class OpenCalls {
  private readonly calls = new Set<OpenCall>();

  get size(): number {
    return this.calls.size;
  }

  add(call: OpenCall): void {
    this.calls.add(call);
  }

  remove(call: OpenCall): void {
    this.calls.delete(call);
  }

  /** Ends every call with this error. */
  stopAll(error: ServiceError): void {
    for (const call of this.calls) call.stop(error);
  }
}
