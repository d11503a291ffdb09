import { type Endpoint, type Picker, type PickRequest } from './endpoint';
import { hashPair, mix } from './hash';

/**
 * Weighted rendezvous hashing: every endpoint draws a number for the key, and the greatest wins. Shares are exactly those
 * of the weights, and when an endpoint comes, goes or changes its weight, only keys move that it wins or loses. The price is
 * a draw per endpoint and pick: it is for some dozens of endpoints, the others are for more.
 * Source: Thaler and Ravishankar, "Using name-based mappings to increase hit rates" (1998); −weight / ln(u) as in
 * Schindelhauer and Schomaker, "Weighted distributed hash tables" (2005).
 */
export class RendezvousPicker<E extends Endpoint> implements Picker<E> {
  private endpoints: readonly E[] = [];
  private hashes: (readonly [number, number])[] = [];

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.hashes = endpoints.map(({ key }) => hashPair(key));
  }

  pick(request: PickRequest<E>): E | undefined {
    let best: E | undefined;
    let bestScore = 0;
    for (let index = 0; index < this.endpoints.length; index += 1) {
      const endpoint = this.endpoints[index];
      const hashes = this.hashes[index];
      if (endpoint === undefined || hashes === undefined || !request.isAvailable(endpoint))
        continue;
      const drawn = mix(mix(request.hash ^ hashes[0]) + hashes[1]);
      const score = -endpoint.weight / Math.log((drawn + 0.5) / 2 ** 32);
      if (score > bestScore) {
        best = endpoint;
        bestScore = score;
      }
    }
    return best;
  }
}
