export { errorOf } from './testing/error-of';
export { freePorts } from './testing/free-ports';
export { RedisServer, runsWithRedis } from './testing/redis-server';
export { createTestReplica, testCall, type TestReplicaSettings } from './testing/test-replica';
export { startTestServer, type TestServer } from './testing/test-server';
export { startTestGroup, type TestGroup } from './testing/test-group';
