import { LatencyQuantiles } from '@raftway/resilience';

/** Methods of a backend that are measured; of further ones nothing is known. */
const methodsMax = 256;
/** Over which time, in milliseconds. */
const windowMs = 30_000;

/** How long the methods of one backend take to begin their answers. */
export class MethodLatencies {
  private readonly byMethod = new Map<string, LatencyQuantiles>();

  /** What is known of a method, `package.Service/Method`; undefined for nothing. */
  of(method: string): LatencyQuantiles | undefined {
    return this.byMethod.get(method);
  }

  /** Notes a time of a method that exists: names that clients make up would fill it. */
  note(method: string, durationMs: number, nowMs: number): void {
    let latencies = this.byMethod.get(method);
    if (latencies === undefined) {
      if (this.byMethod.size >= methodsMax) return;
      this.byMethod.set(method, (latencies = new LatencyQuantiles(windowMs)));
    }
    latencies.add(durationMs, nowMs);
  }
}
