import { internal, outcomeUnknown, type ServiceError, unavailable } from '@raftway/errors';

/** Whether a script is only asked, or may have changed something when its answer is lost. */
export type ScriptEffect = 'read' | 'change';

/** Errors with which Redis says that it did nothing and cannot now. */
const NOT_NOW = [
  'LOADING',
  'READONLY',
  'MASTERDOWN',
  'NOREPLICAS',
  'MISCONF',
  'OOM',
  'BUSY',
  'TRYAGAIN',
  'CLUSTERDOWN',
  'NOAUTH',
  'WRONGPASS',
  'NOPERM',
];

/** ioredis refuses to send: nothing has left this process. */
const NOT_SENT = "Stream isn't writeable and enableOfflineQueue options is false";

const RETRY_DELAY_MS = 500;

/** Certain: nothing happened. @param why for people, without credentials. */
export function backendUnavailable(why: string, cause?: Error): ServiceError {
  return unavailable('BACKEND_UNAVAILABLE', `Redis cannot be used now: ${why}`, {
    retryDelayMs: RETRY_DELAY_MS,
    cause,
  });
}

/** True when Redis does not have a script (any more) and wants its text. */
export function isUnknownScript(error: unknown): boolean {
  return isReplyError(error) && error.message.startsWith('NOSCRIPT');
}

/**
 * Words what a script failed with. A lost connection or a timeout is no failure: the script may have run, or may still run.
 *
 * The cause keeps the message and not the error, whose command has the arguments, which may be credentials.
 */
export function toServiceError(error: unknown, effect: ScriptEffect): ServiceError {
  const message = error instanceof Error ? error.message : String(error);
  const cause = new Error(message);
  if (message === NOT_SENT) return backendUnavailable('it is not connected', cause);
  if (isReplyError(error)) {
    const code = refusalCode(message);
    return code === undefined ? internal(cause) : backendUnavailable(`it answers ${code}`, cause);
  }
  if (effect === 'read') return backendUnavailable('it does not answer', cause);
  return outcomeUnknown('Redis did not answer; the change may or may not have happened', {
    cause,
    retryDelayMs: RETRY_DELAY_MS,
  });
}

/** What Redis says instead of doing it; undefined for other errors. Older versions put the code behind the script's name. */
export function refusalCode(message: string): string | undefined {
  return NOT_NOW.find((code) => message.startsWith(`${code} `) || message.includes(` -${code} `));
}

function isReplyError(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError';
}
