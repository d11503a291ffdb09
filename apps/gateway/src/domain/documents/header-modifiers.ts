import { type HeaderChanges } from '../header-changes';
import { type HeaderModifier } from './kinds/grpc-route';

/** Headers that carry the call itself; a change would break it. */
const untouchable = new Set([
  'connection',
  'content-length',
  'content-type',
  'grpc-encoding',
  'grpc-message',
  'grpc-status',
  'grpc-status-details-bin',
  'grpc-timeout',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Whether a header carries the call itself. @param name in lower case */
export function isUntouchable(name: string): boolean {
  return untouchable.has(name);
}

/** The first header of a modifier that documents may not change; undefined when there is none. */
export function untouchableHeader(modifier: HeaderModifier): string | undefined {
  const { set = [], add = [], remove = [] } = modifier;
  const names = [...set.map(({ name }) => name), ...add.map(({ name }) => name), ...remove];
  return names.find((name) => isUntouchable(name.toLowerCase()));
}

/** What one modifier changes. Of equal names the first counts, as the Gateway API has it. */
export function compileHeaderChanges(modifier: HeaderModifier): HeaderChanges {
  const { set = [], add = [], remove = [] } = modifier;
  const dropped = new Set(remove.map((name) => name.toLowerCase()));
  const added: string[] = [];
  const take = (list: typeof set, drop: boolean): void => {
    const seen = new Set<string>();
    for (const { name, value } of list) {
      const lower = name.toLowerCase();
      if (seen.has(lower)) continue;
      seen.add(lower);
      if (drop) dropped.add(lower);
      added.push(lower, value);
    }
  };
  take(set, true);
  take(add, false);
  return { dropped, added };
}
