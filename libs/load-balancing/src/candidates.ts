import { type Endpoint, type PickRequest, type RandomSource } from './endpoint';
import { type SlowStart } from './slow-start';

/** Draws before the available endpoints are counted instead. With half of them unavailable it comes to that once in 256 picks. */
const drawsMax = 8;

/** Draws endpoints at random: in constant time, or logarithmic in their number when they have different chances. */
export class Candidates<E extends Endpoint> {
  private endpoints: readonly E[] = [];
  /** Sums of the chances up to and with each endpoint; undefined when all have the same. */
  private sums: Float64Array | undefined;

  /** @param chanceOf the chance of an endpoint, relative to others. */
  constructor(
    private readonly random: RandomSource,
    private readonly slowStart: SlowStart<E>,
    private readonly chanceOf: (endpoint: E) => number,
  ) {}

  replace(endpoints: readonly E[]): void {
    this.endpoints = endpoints;
    this.slowStart.replace(endpoints);
    const [first] = endpoints;
    const chance = first && this.chanceOf(first);
    this.sums = endpoints.every((endpoint) => this.chanceOf(endpoint) === chance)
      ? undefined
      : this.sumsOf(endpoints);
  }

  /** The index of an available endpoint, not that of `except` (−1 for none to leave out); −1 when there is none. */
  draw(request: PickRequest<E>, except: number): number {
    if (this.endpoints.length <= (except < 0 ? 0 : 1)) return -1;
    for (let draw = 0; draw < drawsMax; draw += 1) {
      const index = this.index(except);
      const endpoint = this.endpoints[index];
      if (endpoint === undefined || !request.isAvailable(endpoint)) continue;
      if (this.slowStart.takes(endpoint, request.nowMs, this.random)) return index;
    }
    return this.drawAvailable(request, except);
  }

  private sumsOf(endpoints: readonly E[]): Float64Array {
    let sum = 0;
    return Float64Array.from(endpoints, (endpoint) => (sum += this.chanceOf(endpoint)));
  }

  /** An index other than `except`, each with its chance. */
  private index(except: number): number {
    const { sums } = this;
    const count = this.endpoints.length;
    if (sums === undefined) {
      if (except < 0) return Math.floor(this.random() * count);
      const index = Math.floor(this.random() * (count - 1));
      return index < except ? index : index + 1;
    }
    // The endpoint that is left out takes its part of the line with it.
    const start = except < 0 ? 0 : (sums[except - 1] ?? 0);
    const gap = except < 0 ? 0 : (sums[except] ?? 0) - start;
    const point = this.random() * ((sums[count - 1] ?? 0) - gap);
    return firstAbove(sums, point < start ? point : point + gap);
  }

  /** Counts first and draws then: whatever is available is found. */
  private drawAvailable(request: PickRequest<E>, except: number): number {
    let total = 0;
    this.endpoints.forEach((endpoint, index) => {
      if (index !== except && request.isAvailable(endpoint)) total += this.chanceOf(endpoint);
    });
    let point = this.random() * total;
    let last = -1;
    for (let index = 0; index < this.endpoints.length && point >= 0; index += 1) {
      const endpoint = this.endpoints[index];
      if (endpoint === undefined || index === except || !request.isAvailable(endpoint)) continue;
      last = index;
      point -= this.chanceOf(endpoint);
    }
    return last;
  }
}

/** The index of the first number above `point`. */
function firstAbove(sums: Float64Array, point: number): number {
  let low = 0;
  let high = sums.length - 1;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sums[middle] ?? 0) > point) high = middle;
    else low = middle + 1;
  }
  return low;
}
