import { parseDuration } from '@raftway/config';
import { z } from 'zod';

/** A duration as the Gateway API writes it (GEP-2257), such as `1h30m`, in milliseconds; undefined when it is none. */
export function parseGatewayDuration(text: string): number | undefined {
  if (!/^(\d{1,5}(h|m|s|ms)){1,4}$/.test(text)) return undefined;
  const parts = text.match(/\d+(?:ms|h|m|s)/g) ?? [];
  return parts.reduce((sum, part) => sum + (parseDuration(part) ?? 0), 0);
}

/** A duration of the Gateway API, above 0. */
export const gatewayDuration = (meaning: string) =>
  z
    .string()
    .refine(
      (text) => (parseGatewayDuration(text) ?? 0) > 0,
      'must be a duration of the Gateway API above 0, such as 500ms, 30s or 1h30m',
    )
    .describe(meaning);
