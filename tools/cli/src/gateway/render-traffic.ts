import { type gateway } from '@raftway/contracts';
import { formatDuration } from '@raftway/config';
import { toMilliseconds } from '@raftway/service-kit';
import type { Style } from '../command/style';

/** What a rule does to a call beside routing it, for people: a line for each part. */
export function trafficLines(
  traffic: gateway.TrafficControl | undefined,
  style: Style,
): readonly string[] {
  if (traffic === undefined) return [];
  const { mirrors, fault, session } = traffic;
  return [
    ...mirrors.map((mirror) => `mirror    ${mirrorText(mirror, style)}`),
    ...(session === undefined ? [] : [`session   ${sessionText(session)}`]),
    ...(fault === undefined ? [] : [`fault     ${faultText(fault)}`]),
  ];
}

function mirrorText(
  { backend, service, percent, fault, liveInstances }: gateway.CallMirror,
  style: Style,
): string {
  if (fault !== '') return `${service}: ${style.bad(`nothing is sent there: ${fault}`)}`;
  return `${percentText(percent)} of calls to ${backend} go to ${service}, too: ${liveInstances} live instances`;
}

function sessionText(session: gateway.CallSession): string {
  const { type, name, absoluteTimeout, idleTimeout, service, instanceId } = session;
  const parts = [
    `${type.toLowerCase()} ${name}`,
    absoluteTimeout && `at most ${durationText(absoluteTimeout)}`,
    idleTimeout && `${durationText(idleTimeout)} without a call`,
    service === ''
      ? undefined
      : `this one at ${instanceId === '' ? 'any instance' : instanceId} of ${service}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

function faultText(fault: gateway.CallFault): string {
  const { policy, delay, delayPercent, abortCode, abortPercent } = fault;
  const parts = [
    delay && `${percentText(delayPercent)} wait ${durationText(delay)}`,
    abortCode === '' ? undefined : `${percentText(abortPercent)} end with ${abortCode}`,
  ];
  return `${parts.filter((part) => part !== undefined).join(', ')}, by ${policy}`;
}

function percentText(percent: number): string {
  return `${Math.round(percent * 1000) / 1000} %`;
}

function durationText(value: NonNullable<gateway.CallFault['delay']>): string {
  return formatDuration(toMilliseconds(value) ?? 0);
}
