import { createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { type Logger } from '@raftway/observability';
import { type ApiKey, type ApiKeySettings, parseApiKeys } from '../domain/documents';
import { type CallIdentity } from '../domain/call-identity';
import { identityHeaders } from '../domain/security/identity-headers';
import { readTextFile } from './read-text';
import { type KnownCaller } from './token-verifier';

/** A file is read again this often, in milliseconds. */
const fileIntervalMs = 5000;
const fileBytesMax = 4 * 1_048_576;

interface StoredKey {
  readonly digest: Buffer;
  readonly caller: KnownCaller;
}

/**
 * The API keys of one policy.
 *
 * Keys are found by an HMAC of their hash under a secret of this process, and compared in constant time: how long an answer takes says nothing of a
 * key, however many there are.
 */
export class ApiKeyRing {
  private readonly secret = randomBytes(32);
  private stored: ReadonlyMap<string, StoredKey> | undefined;
  private text: string | undefined;
  private problem: string | undefined;
  private loading: Promise<void> | undefined;
  private readonly timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly settings: ApiKeySettings,
    private readonly logger: Logger,
  ) {
    if (settings.file === undefined) {
      this.use([]);
      return;
    }
    this.loading = this.load().finally(() => (this.loading = undefined));
    this.timer = setInterval(() => void this.load(), fileIntervalMs);
    this.timer.unref();
  }

  /** Why no key is known; undefined when keys are. */
  get fault(): string | undefined {
    return this.stored === undefined ? (this.problem ?? 'the file is being read') : undefined;
  }

  /** The first reading of the file, while it lasts. */
  get firstLoad(): Promise<void> | undefined {
    return this.stored === undefined ? this.loading : undefined;
  }

  close(): void {
    clearInterval(this.timer);
  }

  /** Whose a key is; undefined for nobody's. */
  callerOf(key: string): KnownCaller | undefined {
    const digest = createHash('sha256').update(key, 'utf8').digest();
    const found = this.stored?.get(this.placeOf(digest));
    return found !== undefined && timingSafeEqual(found.digest, digest) ? found.caller : undefined;
  }

  private placeOf(digest: Buffer): string {
    return createHmac('sha256', this.secret).update(digest).digest('base64');
  }

  private async load(): Promise<void> {
    const { file = '' } = this.settings;
    try {
      const text = await readTextFile(file, fileBytesMax);
      if (text === this.text) return;
      const keys = parseApiKeys(text);
      if (typeof keys === 'string') throw new Error(`${file}: ${keys}`);
      this.use(keys);
      this.text = text;
      this.problem = undefined;
    } catch (error) {
      this.note(error instanceof Error ? error.message : String(error));
    }
  }

  private use(keys: readonly ApiKey[]): void {
    this.stored = new Map(
      [...this.settings.keys, ...keys].map(({ id, sha256 }) => {
        const digest = Buffer.from(sha256, 'hex');
        const identity: CallIdentity = { type: 'api-key', principal: id, apiKeyId: id };
        const caller = { identity, headers: identityHeaders(identity, []) };
        return [this.placeOf(digest), { digest, caller }];
      }),
    );
  }

  private note(problem: string): void {
    if (problem === this.problem) return;
    this.problem = problem;
    this.logger.error('API keys could not be read', {
      problem,
      keysOfBeforeHold: this.stored !== undefined,
    });
  }
}
