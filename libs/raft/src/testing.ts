export { createMemoryCluster, createSingleNode, type MemoryCluster } from './node/memory-cluster';
export { MemoryStorage } from './storage/memory-storage';
export { MemoryNetwork } from './transport/memory-network';
