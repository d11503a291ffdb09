import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { freePorts } from '@raftway/service-kit/testing';
import type { Workbench } from '../workbench';
import { accepts } from './nginx';
import { ServerProcess } from './server-process';

/** Starts HAProxy with one thread as a proxy of HTTP/2 before one backend. */
export async function startHaproxy(
  bench: Workbench,
  backend: string,
): Promise<{ readonly pid: number; readonly address: string }> {
  const [port = 0] = await freePorts(1);
  const file = join(bench.directory, 'haproxy.cfg');
  await writeFile(file, haproxyConfiguration(port, backend));
  const server = new ServerProcess('haproxy', 'haproxy', ['-db', '-f', file]);
  bench.onStop(() => server.stop());
  await server.ready(() => accepts(port));
  return { pid: server.pid, address: `127.0.0.1:${port}` };
}

/**
 * HAProxy as one would run it for this: one thread, HTTP/2 without TLS on both sides, connections that live on, no log, and as many streams as the load has. Its limits are not strict: they
 * count a file for the server side of each client, too, which idle clients do not have, and it would not start where it may open fewer.
 */
function haproxyConfiguration(port: number, backend: string): string {
  return `global
  nbthread 1
  maxconn 19000
  no strict-limits
  tune.h2.max-concurrent-streams 1024
defaults
  mode http
  timeout connect 5s
  timeout client 1h
  timeout server 1h
  timeout http-keep-alive 1h
frontend edge
  bind 127.0.0.1:${port} proto h2
  default_backend calls
backend calls
  http-reuse always
  server one ${backend} proto h2
`;
}
