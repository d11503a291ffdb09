import { gateway } from '@raftway/contracts';
import { type GrpcPath } from '../domain/grpc-path';
import { costOf, type RuleLimits } from '../domain/limits/limit-settings';
import { concurrencyText, keyText, valueText } from '../domain/limits/limit-text';
import { priorityOf } from '../domain/limits/target-concurrency';

const kinds = {
  rate: gateway.LimitKind.RATE_LIMIT,
  quota: gateway.LimitKind.QUOTA,
} as const;

/** The limits that a call counts against, as the API shows them. */
export function callLimits(
  limits: RuleLimits | undefined,
  { grpcService, method }: GrpcPath,
  headers: gateway.ExplainCallRequest['headers'],
): gateway.CallLimit[] {
  if (limits === undefined) return [];
  const header = (name: string): string | undefined =>
    Object.entries(headers).find(([one]) => one.toLowerCase() === name)?.[1];
  const counted = limits.counted.map((limit): gateway.CallLimit => ({
    ...{ owner: limit.owner, name: limit.name, kind: kinds[limit.kind] },
    ...{ limit: valueText(limit), key: keyText(limit.key), priority: '' },
    shared: limit.scope === 'shared',
    cost: costOf(limit, grpcService, method),
  }));
  const { concurrency } = limits;
  if (concurrency === undefined) return counted;
  const { settings, target } = concurrency;
  return [
    ...counted,
    {
      ...{ owner: settings.owner, name: '', kind: gateway.LimitKind.CONCURRENCY },
      ...{ limit: concurrencyText(settings), key: target, shared: false, cost: 1 },
      priority: priorityOf(settings.priorities, grpcService, method, header),
    },
  ];
}
