import { type Metrics } from '@raftway/observability';
import {
  type FaultOutcome,
  type MirrorOutcome,
  type SessionOutcome,
  type TrafficObserver,
} from '../proxy/traffic-observer';

/** Series of one metric; further ones are counted as `other`. */
const combinationsMax = 2000;

/** Metrics of mirrors, faults and sessions. */
export class TrafficMetrics implements TrafficObserver {
  private readonly faults;
  private readonly mirrored;
  private readonly sessions;

  constructor(metrics: Metrics) {
    this.faults = metrics.counter({
      name: 'raftway_gateway_faults_total',
      help: 'Calls that a TrafficPolicy delayed or aborted on purpose, by policy and outcome; skipped for delays beyond the limit of calls that wait.',
      labels: ['policy', 'outcome'],
      combinationsMax,
    });
    this.mirrored = metrics.counter({
      name: 'raftway_gateway_mirrored_calls_total',
      help: 'Copies of calls that were sent to a further service, by that service and how they ended.',
      labels: ['service', 'outcome'],
      combinationsMax,
    });
    this.sessions = metrics.counter({
      name: 'raftway_gateway_session_calls_total',
      help: 'Calls of rules with sessions, by registered service and whether the session was begun, kept, moved or invalid.',
      labels: ['service', 'outcome'],
      combinationsMax,
    });
  }

  onFault(policy: string, outcome: FaultOutcome): void {
    this.faults.increment({ policy, outcome });
  }

  onMirror(service: string, outcome: MirrorOutcome): void {
    this.mirrored.increment({ service, outcome });
  }

  onSession(service: string, outcome: SessionOutcome): void {
    this.sessions.increment({ service, outcome });
  }
}
