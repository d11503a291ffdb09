import { type MergedSchema } from '../domain/merged-schema';
import { type HealthService, healthServiceName } from './health';
import { type LocalCallContext } from './local-call';
import { LocalServices } from './local-services';
import { ReflectionService, reflectionServiceNames } from './reflection';

/** What the gateway's own services are made of. */
export interface LocalServicesParts {
  readonly context: LocalCallContext;
  readonly health: HealthService;
  readonly schema: () => MergedSchema;
  /** gRPC services that are routed. */
  readonly routed: () => readonly string[];
}

/** Health and reflection, as they are on the gateway's one port. */
export function createLocalServices(parts: LocalServicesParts): LocalServices {
  const { context, health, schema, routed } = parts;
  const reflection = new ReflectionService({
    schema,
    serviceNames: () => [...routed(), healthServiceName, ...reflectionServiceNames],
  });
  return new LocalServices(context, {
    [healthServiceName]: health.methods(),
    [reflectionServiceNames[0]]: reflection.methods(),
    [reflectionServiceNames[1]]: reflection.methods(),
  });
}
