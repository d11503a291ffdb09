import { type MergedSchema } from '../domain/merged-schema';
import { type RoutingTable } from '../domain/routing-table';
import { type HealthService, healthServiceName } from './health';
import { type LocalCallContext } from './local-call';
import { LocalServices } from './local-services';
import { ReflectionService, type ReflectionSource, reflectionServiceNames } from './reflection';

/** What is reflected: everything that is routed, and the gateway's own services. */
export function reflectionSource(
  catalog: { schema(): MergedSchema },
  table: Pick<RoutingTable, 'list'>,
): ReflectionSource {
  return {
    schema: () => catalog.schema(),
    serviceNames: () => [
      ...table.list().map(({ grpcService }) => grpcService),
      healthServiceName,
      ...reflectionServiceNames,
    ],
  };
}

/** Health and reflection, as they are on the gateway's one port. */
export function createLocalServices(
  context: LocalCallContext,
  health: HealthService,
  reflected: ReflectionSource,
): LocalServices {
  const reflection = new ReflectionService(reflected);
  return new LocalServices(context, {
    [healthServiceName]: health.methods(),
    [reflectionServiceNames[0]]: reflection.methods(),
    [reflectionServiceNames[1]]: reflection.methods(),
  });
}
