import { type HeaderPairs } from '@raftway/http2';
import { type CallIdentity } from '../domain/call-identity';
import { type HeaderChanges } from '../domain/header-changes';
import { type RuleLimits } from '../domain/limits/limit-settings';
import { type RoutePolicy } from '../domain/protection';
import { type Route } from '../domain/routing-table';
import { type CallOperations } from './call-operations';
import { type CallTraffic } from './call-traffic';

/** What is known of a call when it starts. */
export interface ProxyCallStart extends CallOperations {
  readonly route: Route;
  readonly method: string;
  readonly headers: HeaderPairs;
  readonly requestEnded: boolean;
  readonly clientAddress: string;
  /** The caller's time in milliseconds, already shortened to the maximum; undefined when it is unlimited. */
  readonly timeoutMs: number | undefined;
  /** Changes of the response's headers; undefined when there are none. */
  readonly responseHeaders?: readonly HeaderChanges[] | undefined;
  /** When it is made again or twice, as documents say of its route; undefined for as its backend has it. */
  readonly calls?: RoutePolicy | undefined;
  /** Its delay, session and copies; undefined when it has none of them. */
  readonly traffic?: CallTraffic | undefined;
  /** What it counts against; undefined for nothing. */
  readonly limits?: RuleLimits | undefined;
  /** Who calls, as a SecurityPolicy has found out; the headers say so, too. Undefined where none holds. */
  readonly identity?: CallIdentity | undefined;
}
