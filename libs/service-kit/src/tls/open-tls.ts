import { ConfigError, variableName } from '@raftway/config';
import type { Logger, Metrics } from '@raftway/observability';
import { type ServerTls, TlsFilesError, TlsSource, type TlsSourceOptions } from '@raftway/tls';
import { reportTls } from './tls-report';
import type { TlsOptions } from './tls-options';

/** What a process's TLS is reported to. */
export interface TlsContext extends Pick<TlsSourceOptions, 'checkIntervalMs'> {
  readonly logger: Logger;
  readonly metrics: Metrics;
}

/**
 * Opens the certificates that the options name; undefined when they name none. They are looked at until `source.close()`.
 *
 * @throws ConfigError when only some are named, or what they name is no good
 */
export async function openTls(
  options: TlsOptions,
  context: TlsContext,
): Promise<ServerTls | undefined> {
  const { tlsCert, tlsKey, tlsCa, tlsClientAuth } = options;
  const missing = Object.entries({ tlsCert, tlsKey, tlsCa })
    .filter(([, value]) => value === undefined)
    .map(([name]) => variableName(name));
  if (missing.length === 3) return undefined;
  if (tlsCert === undefined || tlsKey === undefined || tlsCa === undefined) {
    const message = 'is required, because TLS takes certificate, key and CA, or none of them';
    throw new ConfigError(missing.map((where) => ({ where, message })));
  }
  const files = { ca: tlsCa, identity: { certificate: tlsCert, privateKey: tlsKey } };
  const report = reportTls(context.logger, context.metrics);
  const source = await orConfigError(
    TlsSource.open(files, { observer: report, checkIntervalMs: context.checkIntervalMs }),
  );
  report.onOpened(source);
  return { source, clientAuth: tlsClientAuth };
}

/** Certificates for a tool that only dials: a CA, and a certificate and key if servers want one. */
export async function openClientTls(files: {
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
}): Promise<TlsSource | undefined> {
  const { ca, cert, key } = files;
  if (ca === undefined && cert === undefined && key === undefined) return undefined;
  if (ca === undefined || (cert === undefined) !== (key === undefined)) {
    const message = 'need a CA to trust, and certificate and key together or neither';
    throw new ConfigError([{ where: 'the TLS options', message }]);
  }
  const identity =
    cert === undefined || key === undefined ? undefined : { certificate: cert, privateKey: key };
  return orConfigError(TlsSource.open({ ca, identity }));
}

async function orConfigError(opening: Promise<TlsSource>): Promise<TlsSource> {
  try {
    return await opening;
  } catch (error) {
    if (!(error instanceof TlsFilesError)) throw error;
    throw new ConfigError([{ where: 'TLS cannot be set up:', message: error.message }]);
  }
}
