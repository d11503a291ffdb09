import { createHash } from 'node:crypto';
import { type LockLimits } from '../../../domain/limits';
import { ACQUIRE, CANCEL, GIVE_UP, INSPECT } from './acquiring';
import {
  BEAT,
  CLOSE_SESSION,
  CURRENT_TOKEN,
  FORCE_RELEASE,
  LIST_LOCKS,
  OPEN_SESSION,
  RELEASE,
  RENEW_SESSIONS,
  SHOW_LOCK,
} from './commands';
import { HOLDING } from './holding';
import { prelude } from './prelude';

/** One Lua script. */
export interface LuaScript {
  readonly name: string;
  readonly text: string;
  /** What Redis calls it by. */
  readonly sha1: string;
}

const BODIES = {
  acquire: ACQUIRE,
  inspect: INSPECT,
  giveUp: GIVE_UP,
  cancel: CANCEL,
  openSession: OPEN_SESSION,
  renewSessions: RENEW_SESSIONS,
  closeSession: CLOSE_SESSION,
  release: RELEASE,
  forceRelease: FORCE_RELEASE,
  showLock: SHOW_LOCK,
  listLocks: LIST_LOCKS,
  currentToken: CURRENT_TOKEN,
  beat: BEAT,
} as const;

/** All scripts by name. */
export type LockScripts = Readonly<Record<keyof typeof BODIES, LuaScript>>;

/** Puts the scripts together. Replicas that share a Redis must use the same limits. */
export function lockScripts(limits: LockLimits): LockScripts {
  const rules = prelude(limits) + HOLDING;
  const script = (name: keyof typeof BODIES): LuaScript => {
    const text = `${rules}${BODIES[name]}`;
    return { name, text, sha1: createHash('sha1').update(text).digest('hex') };
  };
  return {
    acquire: script('acquire'),
    inspect: script('inspect'),
    giveUp: script('giveUp'),
    cancel: script('cancel'),
    openSession: script('openSession'),
    renewSessions: script('renewSessions'),
    closeSession: script('closeSession'),
    release: script('release'),
    forceRelease: script('forceRelease'),
    showLock: script('showLock'),
    listLocks: script('listLocks'),
    currentToken: script('currentToken'),
    beat: script('beat'),
  };
}
