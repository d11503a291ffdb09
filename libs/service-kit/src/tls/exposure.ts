import { splitHostPort } from '@raftway/config';
import type { Logger } from '@raftway/observability';

/** Options that say where calls are taken. The HTTP probes are not among them: they speak plain HTTP by design. */
const BINDS = ['bind', 'adminBind', 'peerBind'];

/**
 * Warns of ports that others can reach and that take calls without TLS. It is no refusal: a mesh or a network policy may guard them, which a process cannot see.
 */
export function warnOfExposure(
  options: Readonly<Record<string, unknown>>,
  hasTls: boolean,
  logger: Logger,
): void {
  if (hasTls) return;
  const addresses = BINDS.map((name) => options[name]).filter(
    (bind): bind is string => typeof bind === 'string' && !isLoopback(bind),
  );
  if (addresses.length === 0) return;
  logger.warn('others can reach this process, and calls are neither encrypted nor authenticated', {
    addresses,
    remedy: 'set RAFTWAY_TLS_CERT, RAFTWAY_TLS_KEY and RAFTWAY_TLS_CA, or keep the network closed',
  });
}

function isLoopback(bind: string): boolean {
  const host = splitHostPort(bind)?.host ?? '';
  return host === 'localhost' || host === '::1' || host.startsWith('127.');
}
