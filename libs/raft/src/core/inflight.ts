import type { LogIndex } from './types';

interface Flight {
  readonly lastIndex: LogIndex;
  readonly bytes: number;
}

/**
 * The append messages that were sent to one follower and not yet acknowledged (pipelining, dissertation §10.2.1), limited in number and bytes
 * so that a slow follower costs a bounded amount of memory in the queues between us and it.
 */
export class InflightWindow {
  private readonly flights: Flight[] = [];
  private bytes = 0;

  constructor(
    private readonly countMax: number,
    private readonly bytesMax: number,
  ) {}

  get count(): number {
    return this.flights.length;
  }

  /** True when nothing more may be sent. One message always fits, however large. */
  isFull(): boolean {
    return this.flights.length >= this.countMax || this.bytes >= this.bytesMax;
  }

  /** Notes a message that ends at `lastIndex`. */
  add(lastIndex: LogIndex, bytes: number): void {
    this.flights.push({ lastIndex, bytes });
    this.bytes += bytes;
  }

  /** Acknowledged up to here: an ack covers every message before it. */
  freeTo(index: LogIndex): void {
    let freed = 0;
    for (const flight of this.flights) {
      if (flight.lastIndex > index) break;
      this.bytes -= flight.bytes;
      freed += 1;
    }
    if (freed > 0) this.flights.splice(0, freed);
  }

  /** Gives up on everything in flight. */
  reset(): void {
    this.flights.length = 0;
    this.bytes = 0;
  }
}
