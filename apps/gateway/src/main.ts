import { watchServices } from '@raftway/discovery';
import { runApp } from '@raftway/service-kit';
import { createGatewayApp } from './app';
import { gatewayOptionsSchema } from './options';

void runApp('gateway', {
  schema: gatewayOptionsSchema,
  summary: 'Passes gRPC calls to whatever is registered.',
  create: ({ options, logger, metrics, tls }) => {
    const view = watchServices({ registry: options.registry, logger, tls: tls?.source });
    const gateway = createGatewayApp({ options, view, logger, metrics, tls });
    return {
      start: () => gateway.start(),
      stop: async () => {
        await gateway.stop();
        await view.close();
      },
    };
  },
});
