import { type ServiceError } from '@raftway/errors';
import { type Limit } from '@raftway/resilience';
import { type Deadline, type Expirable } from '@raftway/service-kit';
import { type ProxyContext } from './proxy-context';

/** A call that can be kept back. */
export interface DelayableCall {
  /** It goes on its way. */
  admit(): void;
  fail(error: ServiceError): void;
}

/** How a call is kept back. */
export interface DelaySettings {
  readonly delayMs: number;
  /** `kind namespace/name`. */
  readonly policy: string;
  /** What it ends with after that; undefined when it goes on. */
  readonly error: ServiceError | undefined;
  /** Calls that may be kept back at once. */
  readonly places: Limit;
}

/** A delay on purpose, before a call is sent anywhere. */
export class InjectedDelay implements Expirable {
  private call: DelayableCall | undefined;
  private deadline: Deadline | undefined;

  constructor(
    private readonly settings: DelaySettings,
    private readonly context: ProxyContext,
  ) {}

  get policy(): string {
    return this.settings.policy;
  }

  /** Whether a call waits. */
  get isOpen(): boolean {
    return this.call !== undefined;
  }

  /** Keeps the call back; at once it goes on when too many wait already. */
  hold(call: DelayableCall): void {
    const { settings, context } = this;
    const { traffic } = context.observer;
    if (!settings.places.tryTake()) {
      traffic.onFault(settings.policy, 'skipped');
      return this.letGo(call);
    }
    traffic.onFault(settings.policy, 'delayed');
    this.call = call;
    this.deadline = context.deadlines.add(this, context.nowMs() + settings.delayMs);
  }

  onDeadline(): void {
    const { call } = this;
    this.deadline = undefined;
    this.end();
    if (call !== undefined) this.letGo(call);
  }

  /** The call has ended, or goes on. */
  end(): void {
    if (this.call === undefined) return;
    this.call = undefined;
    this.settings.places.giveBack();
    this.context.deadlines.remove(this.deadline);
    this.deadline = undefined;
  }

  private letGo(call: DelayableCall): void {
    const { error, policy } = this.settings;
    if (error === undefined) return call.admit();
    this.context.observer.traffic.onFault(policy, 'aborted');
    call.fail(error);
  }
}
