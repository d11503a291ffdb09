import type { ServiceShape } from '../rpc/definition';
import type { ClientOptions, ServiceClient } from './client-types';

/**
 * Makes a client of a service. Connecting happens with the first call.
 *
 * @param target `host:port`, several of them separated by commas (calls go round-robin), or any grpc-js target such as
 * `registry:///lock-service` or `dns:///host:port`.
 */
export function createClient<const Service extends ServiceShape>(
  definition: Service,
  target: string,
  options: ClientOptions<Service> = {},
): ServiceClient<Service> {
  throw new Error(`${target} ${Object.keys(definition).length} ${String(options)}`);
}
