import { z } from 'zod';
import { gatewayDuration, parseGatewayDuration } from './gateway-duration';
import { carriesCall } from './header-modifiers';
import { strict } from './strict';

/** `sessionPersistence` of a rule of the Gateway API (GEP-1619). */
export const sessionPersistenceSchema = strict({
  sessionName: z
    .string()
    .min(1)
    .max(128)
    .regex(/^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/, 'must be the name of a cookie or a header')
    .optional()
    .describe('Of the cookie or the header. Default: one of the rule’s own.'),
  absoluteTimeout: gatewayDuration('How long a session lasts at most.').optional(),
  idleTimeout: gatewayDuration('How long a session lasts without a call.').optional(),
  type: z.enum(['Cookie', 'Header']).default('Cookie'),
  cookieConfig: strict({
    lifetimeType: z
      .enum(['Permanent', 'Session'])
      .default('Session')
      .describe('Permanent: the cookie outlives the browser, for absoluteTimeout.'),
  }).optional(),
})
  .refine(
    ({ cookieConfig, absoluteTimeout }) =>
      cookieConfig?.lifetimeType !== 'Permanent' || absoluteTimeout !== undefined,
    { path: ['absoluteTimeout'], message: 'must be given with lifetimeType Permanent' },
  )
  .describe('Keeps the calls of one client at the instance that had its first one.');

/** A rule's sessions, as documents spell them. */
export type SessionPersistence = z.output<typeof sessionPersistenceSchema>;

/** How the calls of one client are kept at one instance. */
export interface SessionSettings {
  /** The rule that its sessions are for: those of others mean nothing to it. */
  readonly scope: string;
  readonly type: 'Cookie' | 'Header';
  /** Of the cookie, or of the header in lower case. */
  readonly name: string;
  /** In milliseconds; undefined for no limit. */
  readonly absoluteMs: number | undefined;
  readonly idleMs: number | undefined;
  /** Whether a browser keeps the cookie when it is closed. */
  readonly isPermanent: boolean;
}

/** What is wrong with the name of a session; undefined when nothing is. */
export function sessionFault({ type, sessionName = '' }: SessionPersistence): string | undefined {
  const name = sessionName.toLowerCase();
  if (type === 'Cookie' || name === '') return undefined;
  const isTaken = carriesCall(name) || takenNames.has(name) || name.endsWith('-bin');
  return isTaken ? `sessionPersistence: a session cannot be in the header ${name}` : undefined;
}

/** @param scope the rule, in a few words; @param ownName a name that no other rule has */
export function compileSession(
  settings: SessionPersistence,
  scope: string,
  ownName: string,
): SessionSettings {
  const { type, sessionName = ownName, absoluteTimeout, idleTimeout, cookieConfig } = settings;
  return {
    scope,
    type,
    name: type === 'Header' ? sessionName.toLowerCase() : sessionName,
    absoluteMs: absoluteTimeout === undefined ? undefined : parseGatewayDuration(absoluteTimeout),
    idleMs: idleTimeout === undefined ? undefined : parseGatewayDuration(idleTimeout),
    isPermanent: cookieConfig?.lifetimeType === 'Permanent',
  };
}

/** Headers that mean something else already. */
const takenNames = new Set(['authorization', 'cookie', 'set-cookie', 'user-agent', 'traceparent']);
