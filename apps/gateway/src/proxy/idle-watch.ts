import { type ServiceError } from '@raftway/errors';
import { type Deadline, type Expirable } from '@raftway/service-kit';
import { callIdle } from '../domain/refusal';
import { type ProxyContext } from './proxy-context';

/** The call that an {@link IdleWatch} is for. */
export interface WatchedCall {
  /** Ends it with this error. */
  abandon(error: ServiceError): void;
}

/** Notices that a call that was sent stands still: no byte came from either side, and none was taken. A stream that moves may last as long as it likes. */
export class IdleWatch implements Expirable {
  private movedMs: number;
  private deadline: Deadline | undefined;

  constructor(
    private readonly call: WatchedCall,
    private readonly idleMs: number,
    private readonly context: Pick<ProxyContext, 'deadlines' | 'nowMs'>,
  ) {
    this.movedMs = context.nowMs();
    this.watch();
  }

  /** Something moved. */
  note(): void {
    this.movedMs = this.context.nowMs();
  }

  /** The call has ended. */
  end(): void {
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
  }

  onDeadline(): void {
    this.deadline = undefined;
    if (this.context.nowMs() - this.movedMs >= this.idleMs)
      this.call.abandon(callIdle(this.idleMs));
    else this.watch();
  }

  private watch(): void {
    this.deadline = this.context.deadlines.add(this, this.movedMs + this.idleMs);
  }
}
