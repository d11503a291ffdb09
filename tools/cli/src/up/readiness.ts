import { get } from 'node:http';
import { Metadata } from '@grpc/grpc-js';
import { health } from '@raftway/contracts';
import { channelCredentials } from '@raftway/service-kit';

const REQUEST_TIMEOUT_MS = 2_000;

/** Asks one of a process's HTTP probes: whether it can be used, or lives at all. */
export function isWell(httpAddress: string, probe: 'readyz' | 'livez'): Promise<boolean> {
  return new Promise((resolve) => {
    const options = { timeout: REQUEST_TIMEOUT_MS };
    const request = get(`http://${httpAddress}/${probe}`, options, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(false));
  });
}

/** Asks a server for one service's health; false when it cannot be asked. */
export function isServing(address: string, service: string): Promise<boolean> {
  const client = new health.HealthClient(address, channelCredentials());
  return new Promise((resolve) => {
    const deadline = Date.now() + REQUEST_TIMEOUT_MS;
    client.check({ service }, new Metadata(), { deadline }, (error, reply) => {
      client.close();
      resolve(error === null && reply.status === health.HealthCheckResponse_ServingStatus.SERVING);
    });
  });
}
