import { mkdir, writeFile } from 'node:fs/promises';
import { createConnection } from 'node:net';
import { join } from 'node:path';
import { userInfo } from 'node:os';
import { freePorts } from '@raftway/service-kit/testing';
import type { Workbench } from '../workbench';
import { ServerProcess } from './server-process';

/** Starts nginx with one worker as a gRPC proxy before one backend. */
export async function startNginx(
  bench: Workbench,
  backend: string,
): Promise<{ readonly pid: number; readonly address: string }> {
  const [port = 0] = await freePorts(1);
  const directory = join(bench.directory, 'nginx');
  await mkdir(directory, { recursive: true });
  const file = join(directory, 'nginx.conf');
  await writeFile(file, nginxConfiguration(directory, port, backend));
  const server = new ServerProcess('nginx', 'nginx', ['-p', directory, '-c', file]);
  bench.onStop(() => server.stop());
  await server.ready(() => accepts(port));
  return { pid: server.pid, address: `127.0.0.1:${port}` };
}

/**
 * nginx as one would run it for this: connections on both sides live on (the defaults close a client's after 1000 requests and open a new
 * one upstream for each call), no access log, and as many streams as the load has.
 */
function nginxConfiguration(directory: string, port: number, backend: string): string {
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((name) => `  ${name}_temp_path ${join(directory, name)};`)
    .join('\n');
  // As root the worker would change to a user that cannot reach the directory.
  const user = userInfo().uid === 0 ? 'user root;\n' : '';
  return `${user}worker_processes 1;
daemon off;
pid ${join(directory, 'nginx.pid')};
error_log stderr error;
worker_rlimit_nofile 20000;
events { worker_connections 19000; }
http {
${temporary}
  access_log off;
  tcp_nodelay on;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  http2_max_concurrent_streams 1024;
  upstream backend {
    server ${backend};
    keepalive 1024;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
  }
  server {
    listen 127.0.0.1:${port} http2;
    location / { grpc_pass grpc://backend; }
  }
}
`;
}

/** Whether somebody listens on a port of the loopback interface. */
export function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
