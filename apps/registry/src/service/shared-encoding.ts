import { registry } from '@raftway/contracts';

const { RegistryServiceService } = registry;
const encoded = new WeakMap<registry.WatchResponse, Buffer>();

/**
 * The RegistryService's definition, with a Watch that encodes a message once however many watchers get it: 5,000 watchers of one change
 * share the message (see watch-stream.ts) and so its bytes.
 */
export const SharedEncodingService = {
  ...RegistryServiceService,
  watch: {
    ...RegistryServiceService.watch,
    responseSerialize: (message: registry.WatchResponse): Buffer => {
      let bytes = encoded.get(message);
      if (bytes === undefined) {
        bytes = RegistryServiceService.watch.responseSerialize(message);
        encoded.set(message, bytes);
      }
      return bytes;
    },
  },
} as const;
