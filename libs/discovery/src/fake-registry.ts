import { registry } from '@raftway/contracts';
import { createServer, implementService, type Handlers } from '@raftway/service-kit';

export type RegistryHandlers = Handlers<typeof registry.RegistryServiceService>;

/** A registry on a free port that answers as a spec says. */
export interface FakeRegistry {
  readonly address: string;
  stop(): Promise<void>;
}

export async function startFakeRegistry(
  handlers: Partial<RegistryHandlers>,
  bind = '127.0.0.1:0',
): Promise<FakeRegistry> {
  const refuse = (): never => {
    throw new Error('not part of this spec');
  };
  const server = createServer({
    name: 'registry',
    bind,
    drainDelayMs: 0,
    drainTimeoutMs: 50,
    services: [
      implementService(
        registry.RegistryServiceService,
        {
          register: refuse,
          keepAlive: refuse,
          deregister: refuse,
          setStatus: refuse,
          lookup: refuse,
          listServices: refuse,
          watch: refuse,
          ...handlers,
        },
        { endlessMethods: ['keepAlive', 'watch'] },
      ),
    ],
  });
  await server.start();
  return { address: server.address, stop: () => server.stop() };
}
