import type { ClientOptions, ServiceClient } from '../client/client-types';
import { createClient } from '../client/create-client';
import type { ServiceShape } from '../rpc/definition';
import { createServer } from '../server/create-server';
import type { RaftwayServer, ServerOptions } from '../server/server-types';

/** A server on a free loopback port, and clients of it. */
export interface TestServer {
  readonly server: RaftwayServer;
  /** A client that is closed with the server. */
  client<const Service extends ServiceShape>(
    definition: Service,
    options?: ClientOptions<Service>,
  ): ServiceClient<Service>;
  stop(): Promise<void>;
}

/** Starts a server for a spec: any free port, no drain delay, one second to drain. */
export async function startTestServer(
  options: Partial<ServerOptions> & Pick<ServerOptions, 'services'>,
): Promise<TestServer> {
  const server = createServer({ name: 'test', drainDelayMs: 0, drainTimeoutMs: 1000, ...options });
  await server.start();
  const clients: { close(): void }[] = [];
  return {
    server,
    client: (definition, clientOptions = {}) => {
      const client = createClient(definition, server.address, clientOptions);
      clients.push(client);
      return client;
    },
    stop: async () => {
      for (const client of clients) client.close();
      await server.stop();
    },
  };
}
