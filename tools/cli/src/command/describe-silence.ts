import { Code, ServiceError } from '@raftway/errors';

/** Why somebody did not answer, in a few words. @throws what nobody could expect. */
export function describeSilence(error: unknown, timeoutMs: number): string {
  if (!(error instanceof ServiceError)) throw error;
  const { code, codeName, rawMessage } = error;
  if (code === Code.deadlineExceeded) return `no answer within ${timeoutMs / 1000} s`;
  if (rawMessage.includes('ECONNREFUSED')) return 'connection refused';
  return code === Code.unavailable ? rawMessage : `${codeName}: ${rawMessage}`;
}
