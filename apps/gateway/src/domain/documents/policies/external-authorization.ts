import { parseDuration, splitHostPort } from '@raftway/config';
import { z } from 'zod';
import { durationText, serviceName } from '../kinds/common';
import { strict } from '../strict';
import { metadataName, toldName } from './header-names';

/** `externalAuthorization` of a SecurityPolicy. */
export const externalAuthorizationSchema = strict({
  service: serviceName().optional().describe('A registered service that has it.'),
  address: z
    .string()
    .max(255)
    .refine((text) => splitHostPort(text) !== undefined, 'must be host:port')
    .optional()
    .describe('Or where it is.'),
  timeout: durationText('How long an answer may take. Default: 500ms.').optional(),
  headers: z
    .array(metadataName())
    .max(64)
    .optional()
    .describe('Headers of the call that it is shown. Default: none.'),
  headersUpstream: z
    .array(toldName())
    .max(32)
    .optional()
    .describe('Headers that it may set for instances; others of its answer are dropped.'),
  failOpen: z
    .boolean()
    .default(false)
    .describe('Whether calls pass when it does not answer, or is asked too often.'),
  concurrencyMax: z
    .int()
    .min(1)
    .max(100_000)
    .default(1000)
    .describe('Questions at the same time; further ones count as not answered.'),
})
  .refine(
    ({ service, address }) => (service === undefined) !== (address === undefined),
    'one of service and address must be given',
  )
  .describe(
    'Asks raftway.gateway.v1.AuthorizationService about every call that the rest of the policy lets through.',
  );

/** `externalAuthorization`, compiled. */
export interface ExternalAuthorizationSettings {
  /** host:port, or `registry:///service`. */
  readonly target: string;
  readonly timeoutMs: number;
  readonly headers: readonly string[];
  readonly headersUpstream: ReadonlySet<string>;
  readonly failOpen: boolean;
  readonly concurrencyMax: number;
}

/** What a policy says of an external authorization. */
export function compileExternalAuthorization(
  settings: z.output<typeof externalAuthorizationSchema>,
): ExternalAuthorizationSettings {
  const { service, address = '', timeout, headers = [], headersUpstream = [] } = settings;
  return {
    target: service === undefined ? address : `registry:///${service}`,
    timeoutMs: (timeout === undefined ? undefined : parseDuration(timeout)) ?? 500,
    headers,
    headersUpstream: new Set(headersUpstream),
    failOpen: settings.failOpen,
    concurrencyMax: settings.concurrencyMax,
  };
}
