import { hashText } from '@raftway/load-balancing';
import { type FaultInjection } from './policies/fault';
import {
  compileSession,
  type SessionPersistence,
  type SessionSettings,
} from './session-persistence';

/** What a rule does to its calls beside routing them. */
export interface RuleTraffic {
  readonly fault: FaultInjection | undefined;
  readonly session: SessionSettings | undefined;
}

/** What {@link ruleTraffic} is made from. */
export interface RuleTrafficParts {
  /** The rule, in a few words. */
  readonly scope: string;
  readonly session: SessionPersistence | undefined;
  readonly fault: FaultInjection | undefined;
  /** Whether one of its backends has mirrors. */
  readonly hasMirrors: boolean;
}

/** Undefined when the rule only routes, so that its calls pay for one comparison. */
export function ruleTraffic(parts: RuleTrafficParts): RuleTraffic | undefined {
  const { scope, session, fault, hasMirrors } = parts;
  if (session === undefined && fault === undefined && !hasMirrors) return undefined;
  return { fault, session: session && compileSession(session, scope, ownSessionName(scope)) };
}

/** A name that every gateway comes to, and that no other rule has but by a rare chance, which the token's signature bears. */
function ownSessionName(scope: string): string {
  return `raftway-session-${hashText(scope).toString(16).padStart(8, '0')}`;
}
