import { type Endpoint, type Picker, type PickRequest, type RandomSource } from './endpoint';

/**
 * Takes endpoints in turn. The first turn starts at a random place, so that many gateways that start together do not
 * all send their first call to the same endpoint. After a change of the list the turn continues behind the endpoint
 * that was picked last, even when that one is gone.
 */
export class RoundRobinPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private next = 0;
  private lastKey: string | undefined;

  constructor(private readonly random: RandomSource) {}

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    const lastKey = this.lastKey;
    if (lastKey === undefined) {
      this.next = Math.floor(this.random() * endpoints.length);
      return;
    }
    const following = endpoints.findIndex((endpoint) => endpoint.key > lastKey);
    this.next = following < 0 ? 0 : following;
  }

  pick(request: PickRequest<E>): E | undefined {
    const count = this.endpoints.length;
    for (let step = 0; step < count; step += 1) {
      const index = (this.next + step) % count;
      const endpoint = this.endpoints[index];
      if (endpoint !== undefined && request.isAvailable(endpoint)) {
        this.next = (index + 1) % count;
        this.lastKey = endpoint.key;
        return endpoint;
      }
    }
    return undefined;
  }
}
