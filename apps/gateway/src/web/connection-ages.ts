import { type Socket } from 'node:net';
import { jitteredAgeMs } from '@raftway/http2';

/** How old connections of HTTP/1.1 may become; what those of HTTP/2 do in the engine. */
export interface AgeLimits {
  /** In milliseconds, 10 % more or less by chance. Infinity for no limit. */
  readonly ageMaxMs: number;
  /** How long an open exchange may go on after that. */
  readonly graceMs: number;
  /** A number from 0 to 1. */
  readonly random: () => number;
}

/** Knows when each connection has its age: from then on its next answer is its last. */
export class ConnectionAges {
  private readonly dueMs = new WeakMap<Socket, number>();

  constructor(private readonly limits: AgeLimits) {}

  /** A connection begins. */
  note(socket: Socket, nowMs: number): void {
    const { ageMaxMs, random } = this.limits;
    this.dueMs.set(socket, nowMs + jitteredAgeMs(ageMaxMs, random));
  }

  /** Whether it is to close with the next answer. */
  isDue(socket: Socket, nowMs: number): boolean {
    return nowMs >= (this.dueMs.get(socket) ?? Number.POSITIVE_INFINITY);
  }

  /** Whether an exchange that is still open has had its grace, too. */
  isOverdue(socket: Socket, nowMs: number): boolean {
    return this.isDue(socket, nowMs - this.limits.graceMs);
  }
}
