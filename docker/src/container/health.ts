// What HEALTHCHECK runs beside the app: 0 when the app says that it is ready, 1 otherwise.
//
// It asks the probe that Kubernetes asks, so that a container is healthy under the same rule everywhere. The image has no curl, and needs none.
import { get } from 'node:http';

const TIMEOUT_MS = 2000;
/** RAFTWAY_HTTP_BIND as the image sets it. */
const DEFAULT_PORT = '9464';

const bind = process.env['RAFTWAY_HTTP_BIND'] ?? '';
const [, host = '', port = DEFAULT_PORT] = /^(.*):(\d+)$/.exec(bind) ?? [];
const wildcards = ['', '0.0.0.0', '[::]'];

const request = get(
  `http://${wildcards.includes(host) ? '127.0.0.1' : host}:${port}/readyz`,
  { timeout: TIMEOUT_MS },
  (response) => {
    let body = '';
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => (body += chunk));
    response.on('end', () => {
      process.stdout.write(body);
      process.exitCode = response.statusCode === 200 ? 0 : 1;
    });
  },
);
request.on('timeout', () => request.destroy(new Error('no answer in time')));
request.on('error', (error) => {
  process.stdout.write(`${error.message}\n`);
  process.exitCode = 1;
});
