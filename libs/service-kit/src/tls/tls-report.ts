import type { Logger, Metrics } from '@raftway/observability';
import type { TlsCredentials, TlsObserver, TlsSource } from '@raftway/tls';

/** Refused callers that are logged in one interval; the others are counted. */
const LINES_MAX = 10;
const INTERVAL_MS = 10_000;
/** A certificate that ends within this is warned of at each reload and at the start. */
const SOON_MS = 24 * 3_600_000;

/** Logs and counts what happens to certificates and handshakes. */
export interface TlsReport extends Required<TlsObserver> {
  /** Begins to report when the certificate expires. */
  onOpened(source: TlsSource): void;
}

/** @param nowMs a monotonic clock */
export function reportTls(
  logger: Logger,
  metrics: Metrics,
  nowMs: () => number = () => performance.now(),
): TlsReport {
  const expiry = metrics.gauge({
    name: 'raftway_tls_certificate_expiry_seconds',
    help: 'When the certificate in use expires, as a Unix time in seconds.',
  });
  const reloads = metrics.counter({
    name: 'raftway_tls_reloads_total',
    help: 'New certificate files that were taken over, and that could not be used.',
    labels: ['result'],
  });
  const refused = metrics.counter({
    name: 'raftway_tls_refused_total',
    help: 'Connections that were refused before their first call: no TLS, no or a wrong certificate.',
  });
  const budget = new LineBudget(nowMs);
  return {
    onOpened: (source) => {
      metrics.onScrape(() => expiry.set((source.current.expiresAtMs ?? 0) / 1000));
      warnOfExpiry(source.current, logger);
    },
    onReloaded: (credentials) => {
      reloads.increment({ result: 'ok' });
      const { names } = credentials;
      logger.info('certificate reloaded', { names, expires: expiryOf(credentials) });
      warnOfExpiry(credentials, logger);
    },
    onReloadFailed: (reason) => {
      reloads.increment({ result: 'failed' });
      logger.error('new certificate files cannot be used, those of before stay in use', { reason });
    },
    onRefused: (peer, reason) => {
      refused.increment();
      const unlogged = budget.take();
      if (unlogged !== undefined) logger.warn('connection refused', { peer, reason, unlogged });
    },
  };
}

function warnOfExpiry(credentials: TlsCredentials, logger: Logger): void {
  if ((credentials.expiresAtMs ?? 0) - Date.now() >= SOON_MS) return;
  logger.warn('the certificate expires within a day', { expires: expiryOf(credentials) });
}

function expiryOf({ expiresAtMs = 0 }: TlsCredentials): string {
  return new Date(expiresAtMs).toISOString();
}

/** So many lines an interval, and then how many were left out. */
class LineBudget {
  private startedMs = Number.NEGATIVE_INFINITY;
  private lines = 0;
  private unlogged = 0;

  constructor(private readonly nowMs: () => number) {}

  /** @returns how many have been left out since the last line; undefined when this one is left out, too. */
  take(): number | undefined {
    const nowMs = this.nowMs();
    if (nowMs - this.startedMs >= INTERVAL_MS) {
      this.startedMs = nowMs;
      this.lines = 0;
    }
    this.lines += 1;
    if (this.lines > LINES_MAX) {
      this.unlogged += 1;
      return undefined;
    }
    const { unlogged } = this;
    this.unlogged = 0;
    return unlogged;
  }
}
