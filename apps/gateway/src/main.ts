import { setFlagsFromString } from 'node:v8';
import { watchConfig, watchServices } from '@raftway/discovery';
import { runApp } from '@raftway/service-kit';
import { createGatewayApp } from './app';
import { documentSource } from './document-source';
import { gatewayOptionsSchema } from './options';

// V8 lets a heap that is small grow to four times of what lives in it: a flood of calls that end at once leaves 100 MiB of what has died. So it is collected when it has
// grown by three quarters, which costs a few percent of the calls a second.
setFlagsFromString('--heap-growing-percent=75');

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
