import { hostPortList, integer, text } from '@raftway/config';

/** The options of everything that registers itself; spread them into the app's schema. */
export function registrationOptionsShape() {
  return {
    registry: hostPortList()
      .default(['127.0.0.1:50061'])
      .describe('Seed addresses of the registry.'),
    instanceId: text({ lengthMax: 128 })
      .optional()
      .describe('This instance within its service.')
      .meta({ defaultText: 'from the service and the node id or the address' }),
    weight: integer({ min: 1, max: 1000 })
      .default(100)
      .describe('Its share of calls, next to those of other instances.'),
    zone: text({ lengthMax: 64 })
      .optional()
      .describe('Its failure domain, such as an availability zone.'),
  };
}
