import { formatDuration } from '@raftway/config';
import {
  type ConcurrencySettings,
  type CountedLimit,
  type KeyPart,
  type RuleLimits,
} from './limit-settings';

const partTexts = {
  ClientAddress: 'client address',
  Service: 'gRPC service',
  Method: 'method',
  Header: 'header',
  Claim: 'claim',
  ApiKey: 'API key',
  Principal: 'principal',
} as const;

/** What a key is made of, for people: never what it is. */
export function keyText(key: readonly KeyPart[]): string {
  if (key.length === 0) return 'all calls together';
  const parts = key.map(({ type, name }) => `${partTexts[type]}${name === '' ? '' : ` ${name}`}`);
  return `each ${parts.join(' and ')}`;
}

/** What a limit lets through, such as `100 per 1s, burst 200`. */
export function valueText(limit: CountedLimit): string {
  const { requests } = limit;
  return limit.kind === 'quota'
    ? `${requests} per ${limit.period}`
    : `${requests} per ${formatDuration(limit.perMs)}, burst ${limit.burst}`;
}

/** How many calls may be under way, such as `4 to 1000, adaptive`. */
export function concurrencyText({ limit }: ConcurrencySettings): string {
  return limit.type === 'fixed' ? String(limit.max) : `${limit.min} to ${limit.max}, adaptive`;
}

/** All limits of a rule, one text each. */
export function limitTexts({ counted, concurrency }: RuleLimits): string[] {
  const texts = counted.map((limit) => {
    const title = limit.kind === 'quota' ? 'quota' : 'rate limit';
    return `${title} ${limit.name}: ${valueText(limit)}, ${keyText(limit.key)}, ${limit.scope}`;
  });
  if (concurrency !== undefined)
    texts.push(
      `concurrency ${concurrencyText(concurrency.settings)}, queue ${concurrency.settings.queueMax}`,
    );
  return texts;
}
