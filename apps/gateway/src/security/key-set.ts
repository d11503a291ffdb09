/*
 * The public keys of one issuer.
 *
 * They are fetched (or read) when a policy begins to hold, and again from time to time, so that keys that an issuer has withdrawn cease to count and
 * calls seldom wait. What was there last goes on when nothing can be fetched: an issuer that is away must not take all calls with it. A token with a
 * key that is not there is a reason to look again, once in a while: tokens are made up easily.
 */
import { createLocalJWKSet, errors, type JWK, type JWTVerifyGetKey } from 'jose';
import { type Logger } from '@raftway/observability';
import { jwksKeysMax, type KeySource } from '../domain/documents';
import { fetchText, readTextFile } from './read-text';

/** A file is read again this often, in milliseconds. */
const fileIntervalMs = 5000;
/** Texts of key sets. */
const bytesMax = 1_048_576;
const keyTypes: readonly string[] = ['RSA', 'EC', 'OKP'];

/** What a {@link KeySet} tells of itself. */
export interface KeySetObserver {
  onKeysLoaded(ok: boolean): void;
}

/** What a {@link KeySet} works with. */
export interface KeySetDependencies {
  readonly logger: Logger;
  readonly observer: KeySetObserver;
  /** Monotonic milliseconds. */
  readonly nowMs: () => number;
}

/** No key has ever been there. */
export class KeysNotLoadedError extends Error {
  override readonly name = 'KeysNotLoadedError';
}

/** Follows a {@link KeySource} until `close`. */
export class KeySet {
  private find: JWTVerifyGetKey | undefined;
  private text = '';
  private changes = 0;
  private problem: string | undefined;
  private loading: Promise<void> | undefined;
  private attemptedMs = Number.NEGATIVE_INFINITY;
  private timer: NodeJS.Timeout | undefined;
  private readonly abort = new AbortController();

  constructor(
    private readonly source: KeySource,
    private readonly dependencies: KeySetDependencies,
  ) {
    if (source.kind === 'inline')
      this.guarded(() => this.use(JSON.stringify({ keys: source.keys })));
    else void this.load();
  }

  /** Raised whenever keys have changed: what was checked with those of before has to be checked again. */
  get generation(): number {
    return this.changes;
  }

  /** Why there are no keys; undefined when there are some. */
  get fault(): string | undefined {
    return this.find === undefined ? (this.problem ?? 'they are being loaded') : undefined;
  }

  close(): void {
    this.abort.abort();
    clearTimeout(this.timer);
  }

  /** The key of a token, for jose. @throws KeysNotLoadedError, and jose's errors for a token whose key is not there */
  readonly keyOf: JWTVerifyGetKey = async (header, token) => {
    if (this.find === undefined) await this.lookAgain();
    if (this.find === undefined) throw new KeysNotLoadedError(this.fault);
    try {
      return await this.find(header, token);
    } catch (error) {
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw error;
      const before = this.changes;
      await this.lookAgain();
      if (this.changes === before) throw error;
      return await this.find(header, token);
    }
  };

  /** Waits for the load that is under way, or for one more if the last is long enough ago. */
  private async lookAgain(): Promise<void> {
    const { source } = this;
    if (this.loading !== undefined) return this.loading;
    if (source.kind === 'inline') return;
    if (this.dependencies.nowMs() - this.attemptedMs >= source.cooldownMs) await this.load();
  }

  /** One at a time. Never fails: what is wrong is in {@link fault}. */
  private load(): Promise<void> {
    this.loading ??= this.loadNow().finally(() => (this.loading = undefined));
    return this.loading;
  }

  private async loadNow(): Promise<void> {
    const { source, dependencies, abort } = this;
    if (source.kind === 'inline') return;
    this.attemptedMs = dependencies.nowMs();
    let ok = true;
    try {
      const text =
        source.kind === 'url'
          ? await fetchText(source.url, { ...source, bytesMax, signal: abort.signal })
          : await readTextFile(source.path, bytesMax);
      if (text !== this.text) this.use(text);
      this.problem = undefined;
    } catch (error) {
      ok = false;
      if (!abort.signal.aborted) this.note(error instanceof Error ? error.message : String(error));
    }
    if (abort.signal.aborted) return;
    dependencies.observer.onKeysLoaded(ok);
    this.loadLater(ok);
  }

  private loadLater(ok: boolean): void {
    const { source } = this;
    if (source.kind === 'inline') return;
    const regularMs = source.kind === 'url' ? source.refreshMs : fileIntervalMs;
    const waitMs = ok ? regularMs : Math.min(regularMs, source.cooldownMs);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.load(), waitMs);
    this.timer.unref();
  }

  private guarded(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.note(error instanceof Error ? error.message : String(error));
    }
  }

  /** @throws Error when the text is no set of public keys */
  private use(text: string): void {
    this.find = createLocalJWKSet({ keys: publicKeysOf(text) });
    this.text = text;
    this.changes += 1;
  }

  private note(problem: string): void {
    const isNew = problem !== this.problem;
    this.problem = problem;
    if (!isNew) return;
    const where = this.source.kind === 'url' ? this.source.url : 'file of keys';
    this.dependencies.logger.error('keys of tokens could not be loaded', {
      where,
      problem,
      keysOfBeforeHold: this.find !== undefined,
    });
  }
}

/** Secrets among public keys would make HS256 of a public key thinkable, and private keys are nobody's to publish: they are left out. */
function publicKeysOf(text: string): JWK[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // V8's message has a part of the text.
    throw new Error('it is not JSON');
  }
  const keys: unknown = (value as { keys?: unknown } | null)?.keys;
  if (!Array.isArray(keys)) throw new Error('it is no JSON Web Key Set: it has no list of keys');
  if (keys.length > jwksKeysMax)
    throw new Error(`it has ${keys.length} keys; at most ${jwksKeysMax}`);
  const usable = (keys as unknown[]).filter(isPublicKey);
  if (usable.length === 0) throw new Error('it has no public key of RSA, EC or OKP');
  return usable;
}

function isPublicKey(key: unknown): key is JWK {
  if (typeof key !== 'object' || key === null) return false;
  const { kty, d } = key as JWK;
  return kty !== undefined && keyTypes.includes(kty) && d === undefined;
}
