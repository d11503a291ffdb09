import { type Health } from '@raftway/load-balancing';

/** Several healths: an endpoint is left out as long as one of them says so. */
export class JointHealth implements Health {
  private parts: readonly Health[] = [];
  /** Makes the version of other parts another one. */
  private offset = 0;

  constructor(parts: readonly Health[]) {
    this.replace(parts);
  }

  /** Goes by these from now on. */
  replace(parts: readonly Health[]): void {
    const next = this.version + 1;
    this.parts = parts;
    this.offset = 0;
    this.offset = next - this.version;
  }

  get size(): number {
    let size = 0;
    for (const part of this.parts) size += part.size;
    return size;
  }

  get version(): number {
    let version = this.offset;
    for (const part of this.parts) version += part.version;
    return version;
  }

  until(key: string): number {
    let untilMs = 0;
    for (const part of this.parts) untilMs = Math.max(untilMs, part.until(key));
    return untilMs;
  }
}
