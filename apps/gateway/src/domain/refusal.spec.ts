import { type ServiceError } from '@raftway/errors';
import * as refusal from './refusal';

describe('a refusal for a limit', () => {
  it.each<[string, ServiceError, string]>([
    ['memory', refusal.limitReached('GATEWAY_MEMORY_FULL', 'buffered bytes', 7), '7'],
    ['waiting', refusal.limitReached('UPSTREAM_QUEUE_FULL', 'calls waiting', 7), '7'],
    ['requests', refusal.backendFull('BACKEND_REQUESTS_FULL', 'greeter', 'x', 7, 'ada'), '7'],
    ['pending', refusal.backendFull('BACKEND_PENDING_FULL', 'greeter', 'x', 7, 'ada'), '7'],
    ['pending time', refusal.backendPendingTimeout('greeter', 7, 'ada'), '7ms'],
  ])('names the limit, its value and its owner: %s', (_, error, limit) => {
    const { field, owner } = error.metadata;

    expect(error.metadata).toMatchObject({ limit });
    expect(field).toMatch(/./);
    expect(owner).toMatch(/^(ada|options of the gateway)$/);
    expect(error.retryDelayMs).toBe(1000);
  });
});
