import { type Endpoint, type PickRequest } from './endpoint';

/** The first available endpoint from a place on that the call's key determines. Looks at each once. */
export function firstAvailable<E extends Endpoint>(
  endpoints: readonly E[],
  request: PickRequest<E>,
): E | undefined {
  const count = endpoints.length;
  for (let step = 0; step < count; step += 1) {
    const endpoint = endpoints[(request.hash + step) % count];
    if (endpoint !== undefined && request.isAvailable(endpoint)) return endpoint;
  }
  return undefined;
}
