import { type Health } from '@raftway/load-balancing';

/** Both healths: an endpoint is left out as long as either says so. */
export class JointHealth implements Health {
  constructor(
    private readonly first: Health,
    private readonly second: Health,
  ) {}

  get size(): number {
    return this.first.size + this.second.size;
  }

  get version(): number {
    return this.first.version + this.second.version;
  }

  until(key: string): number {
    return Math.max(this.first.until(key), this.second.until(key));
  }
}
