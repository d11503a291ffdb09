import { formatDuration } from '@raftway/config';
import { codeName } from '@raftway/errors';
import { type RuleBackend } from './compile-route';
import { type FaultInjection } from './policies/fault';
import { type Mirror } from './request-mirror';
import { type RuleTraffic } from './rule-traffic';
import { type SessionSettings } from './session-persistence';

/** What a rule does to its calls, a few words for each part, as differences of documents and explanations of calls show it. */
export function ruleTrafficTexts(traffic: RuleTraffic | undefined): string[] {
  if (traffic === undefined) return [];
  const { fault, session } = traffic;
  return [
    ...(fault === undefined ? [] : [faultText(fault)]),
    ...(session === undefined ? [] : [sessionText(session)]),
  ];
}

/** What becomes of a backend's calls beside. */
export function backendTrafficTexts({ mirrors = [] }: Pick<RuleBackend, 'mirrors'>): string[] {
  return mirrors.map(mirrorText);
}

/** Such as `10 % mirrored to shadow`. */
export function mirrorText({ service, share, fault }: Mirror): string {
  const why = fault === undefined ? '' : ` (not: ${fault.message})`;
  return `${percentText(share * 100)} mirrored to ${service}${why}`;
}

/** Such as `10 % delayed by 2s, 1 % aborted with UNAVAILABLE by TrafficPolicy default/chaos`. */
export function faultText({ document, delay, abort, methods, headers }: FaultInjection): string {
  const parts = [
    delay && `${percentText(delay.percent)} delayed by ${formatDuration(delay.ms)}`,
    abort && `${percentText(abort.percent)} aborted with ${codeName(abort.code)}`,
  ].filter((part) => part !== undefined);
  const of = methods === undefined ? '' : ` of ${[...methods].join(' and ')}`;
  const carried = headers.map(({ name, value }) =>
    value === undefined ? name : `${name}: ${value}`,
  );
  const given = carried.length === 0 ? '' : ` with ${carried.join(' and ')}`;
  return `${parts.join(', ')}${of}${given} by ${document}`;
}

/** Such as `sessions by the cookie cart, at most 1h, 5m without a call`. */
export function sessionText({ type, name, absoluteMs, idleMs }: SessionSettings): string {
  const parts = [
    `sessions by the ${type.toLowerCase()} ${name}`,
    absoluteMs && `at most ${formatDuration(absoluteMs)}`,
    idleMs && `${formatDuration(idleMs)} without a call`,
  ].filter((part) => typeof part === 'string');
  return parts.join(', ');
}

function percentText(percent: number): string {
  return `${Math.round(percent * 1000) / 1000} %`;
}
