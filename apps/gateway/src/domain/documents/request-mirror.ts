import { z } from 'zod';
import { type Fault } from './conditions';
import { namespaceName } from './kinds/common';
import { strict, unused } from './strict';

const mirrorRef = strict({
  group: z.string().max(253).default(''),
  kind: z.string().min(1).max(63).default('Service'),
  name: z.string().min(1).max(253).describe('Of a registered service.'),
  namespace: namespaceName().optional(),
  port: unused('instances register their own addresses'),
});

const fraction = strict({
  numerator: z.int().min(0).max(2_147_483_647),
  denominator: z.int().min(1).max(2_147_483_647).default(100),
}).refine(({ numerator, denominator }) => numerator <= denominator, {
  path: ['numerator'],
  message: 'must not be above the denominator',
});

/** `requestMirror` of a filter of the Gateway API. */
export const requestMirrorSchema = strict({
  backendRef: mirrorRef,
  percent: z.int().min(0).max(100).optional().describe('Of the calls. Default: all.'),
  fraction: fraction.optional().describe('Of the calls, in the place of percent.'),
}).refine(({ percent, fraction: share }) => percent === undefined || share === undefined, {
  path: ['fraction'],
  message: 'percent and fraction exclude each other',
});

/** Settings of a mirror, as documents spell them. */
export type RequestMirror = z.output<typeof requestMirrorSchema>;

/** Where a copy of a share of the calls goes. */
export interface Mirror {
  /** A registered service. */
  readonly service: string;
  /** Of the calls, 0 to 1. */
  readonly share: number;
  /** Why there are no copies; undefined for a service that can be used. */
  readonly fault: Fault | undefined;
}

/** What a filter says. */
export function compileMirror(
  { backendRef, percent, fraction: part }: RequestMirror,
  fault: Fault | undefined,
): Mirror {
  const share = part === undefined ? (percent ?? 100) / 100 : part.numerator / part.denominator;
  return { service: backendRef.name, share, fault };
}
