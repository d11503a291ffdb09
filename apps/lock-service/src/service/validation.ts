import { lock, type duration } from '@raftway/contracts';
import { invalidArgument, limitViolation, type FieldViolation } from '@raftway/errors';
import { toMilliseconds } from '@raftway/service-kit';
import { type LockMetadata } from '../domain/model';

const NAME_CHARACTERS_MAX = 256;
const ID_CHARACTERS_MAX = 128;
const REASON_CHARACTERS_MAX = 256;
const METADATA_ENTRIES_MAX = 16;
const METADATA_KEY_CHARACTERS_MAX = 64;
const METADATA_VALUE_CHARACTERS_MAX = 256;
const TTL_DEFAULT_MS = 10_000;
const TTL_MIN_MS = 1_000;
const TTL_MAX_MS = 24 * 3_600_000;
const WAIT_MAX_MS = 3_600_000;
const PAGE_SIZE_DEFAULT = 100;
const PAGE_SIZE_MAX = 1_000;

/** Checks the fields of one request and collects everything that is wrong with it, so that the caller hears of it all at once. */
export class RequestCheck {
  private readonly violations: FieldViolation[] = [];

  /** @throws ServiceError INVALID_ARGUMENT when a check before has failed. */
  done(): void {
    if (this.violations.length > 0) throw invalidArgument(this.violations);
  }

  lockName(field: string, name: string): string {
    this.required(field, name, NAME_CHARACTERS_MAX);
    if (/\p{Cc}/u.test(name)) this.refuse(field, 'must not contain control characters');
    return name;
  }

  prefix(field: string, prefix: string): string {
    this.length(field, prefix, NAME_CHARACTERS_MAX);
    return prefix;
  }

  sessionId(sessionId: string, optional = false): string {
    if (!optional || sessionId !== '') this.required('session_id', sessionId, ID_CHARACTERS_MAX);
    return sessionId;
  }

  /** An id that the caller may leave out. */
  optionalId(field: string, id: string): string {
    this.length(field, id, ID_CHARACTERS_MAX);
    return id;
  }

  reason(reason: string): string {
    this.required('reason', reason, REASON_CHARACTERS_MAX);
    return reason;
  }

  /** @param allowed Whether a time to live makes sense in this request at all. */
  ttlMs(ttl: duration.Duration | undefined, allowed = true): number {
    if (ttl === undefined) return TTL_DEFAULT_MS;
    if (!allowed) {
      this.refuse('ttl', 'only without session_id: an open session keeps its own time to live');
      return TTL_DEFAULT_MS;
    }
    return this.durationMs('ttl', ttl, TTL_MIN_MS, TTL_MAX_MS, 'from 1s to 24h');
  }

  waitMs(wait: duration.Duration | undefined): number {
    return wait === undefined
      ? 0
      : this.durationMs('wait_timeout', wait, 0, WAIT_MAX_MS, 'from 0s to 1h');
  }

  mode(mode: lock.LockMode): void {
    if (mode !== lock.LockMode.UNSPECIFIED && mode !== lock.LockMode.EXCLUSIVE)
      this.violations.push(limitViolation('mode', 'a LockMode that this server knows', mode));
  }

  /** Sorts the entries, so that equal metadata become equal bytes. */
  metadata(metadata: Readonly<Record<string, string>>): LockMetadata {
    const entries = Object.entries(metadata).sort(([one], [other]) => (one < other ? -1 : 1));
    if (entries.length > METADATA_ENTRIES_MAX) {
      const limit = `at most ${METADATA_ENTRIES_MAX} entries`;
      this.violations.push(limitViolation('metadata', limit, entries.length));
      return [];
    }
    for (const [key, value] of entries) {
      this.required('metadata key', key, METADATA_KEY_CHARACTERS_MAX);
      const shown = key.slice(0, METADATA_KEY_CHARACTERS_MAX);
      this.length(`metadata["${shown}"]`, value, METADATA_VALUE_CHARACTERS_MAX);
    }
    return entries;
  }

  pageSize(pageSize: number): number {
    if (pageSize > PAGE_SIZE_MAX)
      this.violations.push(limitViolation('page_size', PAGE_SIZE_MAX, pageSize));
    return pageSize === 0 ? PAGE_SIZE_DEFAULT : pageSize;
  }

  /** @returns the name that the page before ended with. */
  pageToken(token: string): string {
    const name = Buffer.from(token, 'base64url').toString('utf8');
    if (pageTokenFor(name) !== token)
      this.refuse('page_token', 'must be the next_page_token of the page before');
    return name;
  }

  private required(field: string, value: string, charactersMax: number): void {
    if (value === '')
      this.violations.push(limitViolation(field, `1 to ${charactersMax} characters`, 0));
    else this.length(field, value, charactersMax);
  }

  private length(field: string, value: string, charactersMax: number): void {
    // UTF-16 units are at least as many as characters: count only what may be too long.
    if (value.length <= charactersMax) return;
    const characters = [...value].length;
    if (characters <= charactersMax) return;
    this.violations.push(limitViolation(field, `at most ${charactersMax} characters`, characters));
  }

  private durationMs(
    field: string,
    given: duration.Duration,
    minMs: number,
    maxMs: number,
    limit: string,
  ): number {
    const ms = toMilliseconds(given);
    if (ms !== undefined && ms >= minMs && ms <= maxMs) return Math.ceil(ms);
    const value = ms === undefined ? `${given.seconds}s and ${given.nanos}ns` : `${ms / 1_000}s`;
    this.violations.push(limitViolation(field, limit, value));
    return minMs;
  }

  private refuse(field: string, description: string): void {
    this.violations.push({ field, description });
  }
}

/** Names the place after a lock's name. */
export function pageTokenFor(name: string): string {
  return Buffer.from(name, 'utf8').toString('base64url');
}
