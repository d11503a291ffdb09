const names = new Set([
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
  // Who changes it changes where calls go.
  'raftway.registry.v1.ConfigService',
]);
const packages = ['raftway.raft.', 'raftway.gateway.'];

/** Whether a gRPC service belongs to one process (health, reflection, Raft, administration) and is never reached by name. */
export function isNeverRouted(grpcService: string): boolean {
  return names.has(grpcService) || packages.some((prefix) => grpcService.startsWith(prefix));
}
