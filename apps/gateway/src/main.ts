import { watchConfig, watchServices } from '@raftway/discovery';
import { runApp } from '@raftway/service-kit';
import { createGatewayApp } from './app';
import { documentSource } from './document-source';
import { gatewayOptionsSchema } from './options';

void runApp('gateway', {
  schema: gatewayOptionsSchema,
  summary: 'Passes gRPC calls to whatever is registered.',
  create: ({ options, logger, metrics, tls }) => {
    const { registry, documents } = options;
    const view = watchServices({ registry, logger, tls: tls?.source });
    const source = documentSource(documents);
    const config =
      source?.kind === 'store'
        ? watchConfig({ registry, prefix: source.prefix, logger, tls: tls?.source })
        : undefined;
    const gateway = createGatewayApp({ options, view, config, logger, metrics, tls });
    return {
      start: () => gateway.start(),
      stop: async () => {
        await gateway.stop();
        await config?.close();
        await view.close();
      },
    };
  },
});
