import { ServiceError } from '@raftway/errors';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import { Limit } from '@raftway/resilience';
import {
  type CompiledRule,
  drawFault,
  type FaultAbort,
  isForCall,
  type Mirror,
  type RuleTraffic,
  type SessionSettings,
} from '../domain/documents';
import { type GrpcPath } from '../domain/grpc-path';
import * as refusal from '../domain/refusal';
import { type RoutingTable } from '../domain/routing-table';
import { type SessionToken } from '../domain/session-token';
import { CallTraffic } from './call-traffic';
import { type DocumentRoute, routeByRule, ruleHeader, ruleText } from './document-routing';
import { InjectedDelay } from './injected-delay';
import { mirroredHeader, Mirrors, type MirrorTarget } from './mirrors';
import { type ProxyContext } from './proxy-context';
import { CallSession, Sessions } from './sessions';

/** Calls that policies may keep back at once: each holds a stream, and what its client may send ahead. */
const delayedCallsMax = 1000;

/** A call of a rule that does more than route. */
export interface TrafficCall {
  readonly rule: CompiledRule;
  readonly path: GrpcPath;
  /** As the client sent them. */
  readonly headers: HeaderPairs;
  readonly table: RoutingTable;
}

/** Mirrors, faults and sessions of the rules of documents. */
export class TrafficControl {
  readonly sessions: Sessions;
  private readonly mirrors: Mirrors;
  private readonly delays = new Limit(delayedCallsMax);

  /** @param sessionKey what tokens of sessions are signed with; undefined for something that nobody else has */
  constructor(
    private readonly context: ProxyContext,
    sessionKey: string | undefined,
  ) {
    this.sessions = new Sessions(sessionKey);
    this.mirrors = new Mirrors(context);
  }

  /** Routes a call, or says why it is refused: the rule's backend is unknown, or it is to fail. */
  route(call: TrafficCall, traffic: RuleTraffic): DocumentRoute | ServiceError {
    const { rule, path, headers, table } = call;
    const { random, observer, nowMs } = this.context;
    const delay = this.faultOf(call, traffic);
    if (delay instanceof ServiceError) return delay;
    const { session } = traffic;
    const given = session && this.sessions.read(session, headers, this.context.wallMs());
    const { token } = given ?? {};
    const kept = token && sessionRoute(this.sessions, token, rule, path.grpcService, table);
    const found = kept ?? routeByRule(rule, path.grpcService, table, random);
    if (found instanceof ServiceError) return found;
    const { service } = found.backend;
    if (given?.isInvalid === true) observer.traffic.onSession(service, 'invalid');
    const parts = {
      delay,
      session: session && this.callSession(session, token, headers),
      targets: this.mirrorTargets(found.backend.mirrors ?? [], call),
    };
    return { ...found, traffic: new CallTraffic({ ...parts, mirrors: this.mirrors, nowMs }) };
  }

  private faultOf(
    { rule, path, headers }: TrafficCall,
    { fault }: RuleTraffic,
  ): InjectedDelay | ServiceError | undefined {
    const { random, observer } = this.context;
    const read = (name: string): string | undefined => ruleHeader(headers, name);
    if (fault === undefined || !isForCall(fault, path.grpcService, path.method, read))
      return undefined;
    const { document: policy } = fault;
    const drawn = drawFault(fault, random);
    if (drawn === undefined) return undefined;
    const { delayMs, abort } = drawn;
    const errorOf = ({ code, message }: FaultAbort): ServiceError =>
      refusal.faultInjected(code, message, policy, ruleText(rule));
    const error = abort && errorOf(abort);
    if (delayMs !== undefined)
      return new InjectedDelay({ delayMs, policy, error, places: this.delays }, this.context);
    if (error !== undefined) observer.traffic.onFault(policy, 'aborted');
    return error;
  }

  private callSession(
    settings: SessionSettings,
    token: SessionToken | undefined,
    headers: HeaderPairs,
  ): CallSession {
    const { wallMs, trustForwarded, observer } = this.context;
    const scheme = headerValue(headers, ':scheme');
    const forwarded = trustForwarded ? headerValue(headers, 'x-forwarded-proto') : undefined;
    return new CallSession({
      ...{ sessions: this.sessions, settings, token, wallMs },
      isSecure: (forwarded ?? scheme) === 'https',
      onOutcome: (service, outcome) => observer.traffic.onSession(service, outcome),
    });
  }

  private mirrorTargets(
    mirrors: readonly Mirror[],
    { headers, path, table }: TrafficCall,
  ): MirrorTarget[] {
    if (mirrors.length === 0 || headerValue(headers, mirroredHeader) !== undefined) return [];
    const { random } = this.context;
    return mirrors
      .filter(({ share, fault }) => fault === undefined && random() < share)
      .map(({ service }) => ({ service, route: table.routeTo(service, path.grpcService) }));
  }
}

/**
 * Where a session's calls go: to the backend that it is at, whatever its weight, as long as the session's instance is live; to another instance of the same
 * backend, if new sessions may go there. Undefined when any backend of the rule will do.
 */
export function sessionRoute(
  sessions: Sessions,
  token: SessionToken,
  { backends }: CompiledRule,
  grpcService: string,
  table: RoutingTable,
): DocumentRoute | undefined {
  const backend = backends.find(
    ({ fault, service }) => fault === undefined && sessions.isFor(token, service),
  );
  const route = backend && table.routeTo(backend.service, grpcService);
  if (backend === undefined || route === undefined) return undefined;
  const isThere = sessions.instanceOf(token, route) !== undefined;
  const mayMove = backend.weight > 0 && route.endpoints.size > 0;
  return isThere || mayMove ? { route, backend } : undefined;
}
