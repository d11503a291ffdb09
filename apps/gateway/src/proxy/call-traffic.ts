import { type ServiceError } from '@raftway/errors';
import { type EngineStream, type HeaderPairs } from '@raftway/http2';
import { type InstanceEndpoint } from '../domain/backend';
import * as refusal from '../domain/refusal';
import { type Route } from '../domain/routing-table';
import { type DelayableCall, type InjectedDelay } from './injected-delay';
import { MirroredStream } from './mirrored-stream';
import { type MirroredCall, type Mirrors, type MirrorTarget } from './mirrors';
import { type Replay } from './replay';
import { type CallSession } from './sessions';

/** What {@link CallTraffic} is made of; undefined is off. */
export interface CallTrafficParts {
  readonly delay: InjectedDelay | undefined;
  readonly session: CallSession | undefined;
  /** Copies to be made; empty for none. */
  readonly targets: readonly MirrorTarget[];
  readonly mirrors: Mirrors;
  readonly nowMs: () => number;
}

/** What documents do to one call beside routing it: its delay, its session and its copies. */
export class CallTraffic {
  private mirrored: MirroredStream | undefined;

  constructor(private readonly parts: CallTrafficParts) {}

  /** The stream that the call is to listen to. @param timeoutMs from now; undefined for no limit */
  dress(
    stream: EngineStream,
    call: Omit<MirroredCall, 'deadlineMs'> & { readonly timeoutMs: number | undefined },
  ): EngineStream {
    const { targets, mirrors, nowMs } = this.parts;
    if (targets.length === 0) return stream;
    const { headers, requestEnded, clientAddress, identity, timeoutMs } = call;
    const deadlineMs = timeoutMs === undefined ? undefined : nowMs() + timeoutMs;
    const copied = { headers, requestEnded, clientAddress, identity, deadlineMs };
    this.mirrored = new MirroredStream(stream, requestEnded, () =>
      targets.flatMap((target) => mirrors.start(target, copied) ?? []),
    );
    return this.mirrored;
  }

  /** The call is there, and is admitted now or after its delay. */
  begin(call: DelayableCall): void {
    const { delay } = this.parts;
    if (delay === undefined) call.admit();
    else delay.hold(call);
  }

  /** The instance that the call's session is at; undefined when any will do. */
  pick(
    route: Route,
    tried: ReadonlySet<string> | undefined,
    nowMs: number,
  ): InstanceEndpoint | undefined {
    return this.parts.session?.pick(route, tried, nowMs);
  }

  /** A stream to an instance is open. @param sent all of the request that has come so far; known for the first one */
  onSent(sent: Replay | undefined): void {
    this.mirrored?.begin(sent);
  }

  /** The response's headers for the client. */
  answer(
    headers: HeaderPairs,
    endOfStream: boolean,
    endpoint: InstanceEndpoint | undefined,
  ): HeaderPairs {
    const { session } = this.parts;
    if (session === undefined || endpoint === undefined) return headers;
    return session.answer(headers, endOfStream, endpoint);
  }

  /** What the call ends with when its time passes now; undefined for the usual error. */
  deadlineError(timeoutMs: number): ServiceError | undefined {
    const { delay } = this.parts;
    return delay?.isOpen === true
      ? refusal.deadlineExceededInDelay(timeoutMs, delay.policy)
      : undefined;
  }

  /** The call has ended. */
  end(): void {
    this.parts.delay?.end();
  }
}
