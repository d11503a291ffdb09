import { checkCredentials, type TlsCredentials, type TlsFiles } from './credentials';
import { TlsFilesError } from './errors';
import { isSame, readFiles } from './read-files';

/** How often the files are looked at, in milliseconds. They are small, and whoever renews them does it days ahead. */
const CHECK_INTERVAL_MS_DEFAULT = 5000;

/** Where it is told what happens; a service logs and counts it. Every method must return at once. */
export interface TlsObserver {
  /** New files are in use, for connections from now on. */
  onReloaded?(credentials: TlsCredentials): void;
  /** New files cannot be used: those of before stay. Told once for each kind of fault. */
  onReloadFailed?(reason: string): void;
  /** A caller was refused before its first byte of HTTP/2. */
  onRefused?(peer: string, reason: string): void;
}

/** Optional input of {@link TlsSource.open}. */
export interface TlsSourceOptions {
  readonly observer?: TlsObserver | undefined;
  /** @default 5000 */
  readonly checkIntervalMs?: number | undefined;
  /** The wall clock. @default Date.now */
  readonly nowMs?: (() => number) | undefined;
}

/**
 * Certificates from files, and what replaces them while the process runs.
 *
 * The bytes are compared and not the files' times: Kubernetes swaps a symbolic link two levels above them, and a watch of a file follows the old one.
 */
export class TlsSource {
  readonly observer: TlsObserver;
  private readonly listeners = new Set<(credentials: TlsCredentials) => void>();
  private readonly checkIntervalMs: number;
  private readonly nowMs: () => number;
  private timer: NodeJS.Timeout | undefined;
  private failure: string | undefined;
  private closed = false;

  private constructor(
    private readonly files: TlsFiles,
    private credentials: TlsCredentials,
    options: TlsSourceOptions,
  ) {
    this.observer = options.observer ?? {};
    this.checkIntervalMs = options.checkIntervalMs ?? CHECK_INTERVAL_MS_DEFAULT;
    this.nowMs = options.nowMs ?? Date.now;
    this.checkLater();
  }

  /** Reads the files, and goes on looking at them until close(). @throws TlsFilesError */
  static async open(files: TlsFiles, options: TlsSourceOptions = {}): Promise<TlsSource> {
    const nowMs = options.nowMs ?? Date.now;
    const credentials = checkCredentials(files, await readFiles(files), nowMs());
    return new TlsSource(files, credentials, options);
  }

  /** What connections are made with now. */
  get current(): TlsCredentials {
    return this.credentials;
  }

  /** Calls back after each replacement. @returns what ends that */
  onChange(listener: (credentials: TlsCredentials) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  /** Looks at the files now. Never fails: files that cannot be used are reported, and those of before stay in use. */
  async check(): Promise<void> {
    try {
      const pems = await readFiles(this.files);
      const isNew = !isSame(pems, this.credentials.pems);
      if (isNew) this.use(checkCredentials(this.files, pems, this.nowMs()));
      this.failure = undefined;
    } catch (error) {
      const reason = error instanceof TlsFilesError ? error.message : String(error);
      if (reason === this.failure) return;
      this.failure = reason;
      this.observer.onReloadFailed?.(reason);
    }
  }

  /** Looks at the files no more. */
  close(): void {
    this.closed = true;
    clearTimeout(this.timer);
  }

  private use(credentials: TlsCredentials): void {
    this.credentials = credentials;
    for (const listener of this.listeners) listener(credentials);
    this.observer.onReloaded?.(credentials);
  }

  private checkLater(): void {
    if (this.closed) return;
    this.timer = setTimeout(
      () => void this.check().then(() => this.checkLater()),
      this.checkIntervalMs,
    );
    this.timer.unref();
  }
}
