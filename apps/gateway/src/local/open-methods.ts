import { type GrpcPath } from '../domain/grpc-path';

/**
 * Whether everybody may call a method of the gateway's own, whatever policies say: a load balancer that asks whether the gateway lives has no
 * credentials, and learns nothing that it did not name. `List` and reflection tell names.
 */
export function isOpenToAll({ grpcService, method }: GrpcPath): boolean {
  return grpcService === 'grpc.health.v1.Health' && method !== 'List';
}
