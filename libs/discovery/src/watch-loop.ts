import type { Logger } from '@raftway/observability';
import type { ServiceClient, ServiceShape } from '@raftway/service-kit';
import { Backoff, type BackoffOptions, Watchdog } from './backoff';
import type { SeedClients } from './seed-clients';

/** Optional input of a {@link WatchLoop}. */
export interface WatchLoopOptions extends BackoffOptions {
  /** How long a seed may take for its first event before the next is asked, in milliseconds. @default 3000 */
  readonly firstEventTimeoutMs?: number | undefined;
  /** Silence after which a stream counts as broken, in milliseconds; the registry speaks at least every 5 s. @default 15000 */
  readonly silenceMaxMs?: number | undefined;
}

/** What a loop follows, and who is told. */
export interface WatchLoopParts<Service extends ServiceShape, Event> {
  /** What is watched, in the log. */
  readonly what: string;
  readonly seeds: Pick<SeedClients<Service>, 'current' | 'currentSeed' | 'moveOn'>;
  /** Opens a stream that goes on where the last one ended. */
  readonly open: (replica: ServiceClient<Service>, signal: AbortSignal) => AsyncIterable<Event>;
  readonly onEvent: (event: Event) => void;
  /** A stream is over, and another one will be opened. */
  readonly onBroken: () => void;
  /** What the log says beside the error. */
  readonly fields: () => Readonly<Record<string, unknown>>;
  readonly logger: Logger;
}

/** Keeps a Watch of the registry open: another seed, after a pause, whenever a stream breaks or is silent. */
export class WatchLoop<Service extends ServiceShape, Event> {
  private readonly backoff: Backoff;
  private readonly closing = new AbortController();
  private watching: Promise<void> = Promise.resolve();
  private connected = false;

  constructor(
    private readonly parts: WatchLoopParts<Service, Event>,
    private readonly options: WatchLoopOptions,
  ) {
    this.backoff = new Backoff(options);
  }

  /** True while a stream is open and has delivered something. */
  get isConnected(): boolean {
    return this.connected;
  }

  start(): void {
    this.watching = this.watchUntilClosed();
  }

  async close(): Promise<void> {
    this.closing.abort();
    await this.watching;
  }

  private async watchUntilClosed(): Promise<void> {
    const { seeds, logger, what } = this.parts;
    while (!this.closing.signal.aborted) {
      const replica = seeds.current;
      const seed = seeds.currentSeed;
      const error = await this.watchOnce(replica);
      if (this.closing.signal.aborted) return;
      const fields = { seed, ...this.parts.fields(), error };
      // The first break is news; that the next seeds are away as well is not.
      if (this.connected) logger.warn(`${what} watch broke; keeping the last state`, fields);
      else logger.debug(`${what} watch failed`, fields);
      this.connected = false;
      this.parts.onBroken();
      seeds.moveOn(replica);
      await this.backoff.wait(this.closing.signal);
    }
  }

  /** Follows one stream to its end; yields why it ended. */
  private async watchOnce(replica: ServiceClient<Service>): Promise<unknown> {
    const { firstEventTimeoutMs = 3000, silenceMaxMs = 15_000 } = this.options;
    const attempt = new AbortController();
    const watchdog = new Watchdog(attempt, 'the registry sent nothing for too long');
    const signal = AbortSignal.any([attempt.signal, this.closing.signal]);
    watchdog.feed(firstEventTimeoutMs);
    try {
      for await (const event of this.parts.open(replica, signal)) {
        watchdog.feed(silenceMaxMs);
        this.parts.onEvent(event);
        if (!this.connected)
          this.parts.logger.info(`watching the ${this.parts.what}`, this.parts.fields());
        this.connected = true;
        this.backoff.reset();
      }
      return new Error('the registry ended the stream');
    } catch (error) {
      return error;
    } finally {
      watchdog.stop();
      attempt.abort();
    }
  }
}
