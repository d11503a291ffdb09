import { serviceName, type ServiceShape } from './definition';
import type { Handlers, ServiceImplementation } from './handlers';

/** What the server cannot see in a service's definition. */
export interface ServiceTraits<Service extends ServiceShape> {
  /**
   * Streaming methods whose calls never end of their own accord, such as a watch. A drain ends them at its start, with UNAVAILABLE
   * `DRAINING`; it lets all other calls finish. @default none
   */
  readonly endlessMethods?: readonly StreamingMethod<Service>[];
}

type StreamingMethod<Service extends ServiceShape> = {
  [Name in keyof Service & string]: Service[Name] extends
    { readonly requestStream: true } | { readonly responseStream: true }
    ? Name
    : never;
}[keyof Service & string];

/**
 * Binds handlers to a ts-proto service definition; the handlers' types come from it.
 *
 * A handler answers with a complete response message, and throws ServiceError for a condition that the caller can act on; everything
 * else that it throws is logged and answered with INTERNAL without its text. Streams honour backpressure both ways: an async generator
 * is asked for its next message only when the last one is on its way, and requests are read only a few ahead of the handler.
 *
 * @example
 * implementService(helloworld.GreeterService, {
 *   sayHello: async ({ name }, call) => ({ message: `Hello, ${name}!` }),
 *   sayHelloBidiStream: async function* (requests) {
 *     for await (const { name } of requests) yield { message: `Hello, ${name}!` };
 *   }, …
 * });
 */
export function implementService<const Service extends ServiceShape>(
  definition: Service,
  handlers: Handlers<Service>,
  { endlessMethods = [] }: ServiceTraits<Service> = {},
): ServiceImplementation {
  return {
    name: serviceName(definition),
    definition,
    handlers: handlers,
    endlessMethods,
  };
}
