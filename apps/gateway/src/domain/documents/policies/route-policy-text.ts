import { formatDuration } from '@raftway/config';
import { codeName } from '@raftway/errors';
import { type RoutePolicy } from '../../protection';
import { hedgeAfterText } from './hedging';

/** What a route says of its calls, on one line. */
export function routePolicyText({ retry, hedging }: RoutePolicy): string {
  const parts = [
    retry?.attemptsMax && `${retry.attemptsMax} attempts`,
    retry?.perTryTimeoutMs && `${formatDuration(retry.perTryTimeoutMs)} each`,
    retry?.codes && `after ${[...retry.codes].map((code) => codeName(code)).join(' ')}`,
    retry?.methods && `of ${[...retry.methods].join(' ')}`,
    retry?.backoffMs && `pauses from ${formatDuration(retry.backoffMs)}`,
    retry?.backoffMaxMs && `pauses to ${formatDuration(retry.backoffMaxMs)}`,
    hedging && `${hedging.attemptsMax - 1} hedged after ${hedgeAfterText(hedging)}`,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}
