import { type Socket } from 'node:net';
import { type ServerEngine, type ServerLimits, type ServerListener } from '../engine';
import { type FlushScheduler } from './flush-scheduler';
import { ServerConnection } from './server-connection';

/** How often idle and dead connections are looked for, in milliseconds. */
const sweepMs = 1000;

/** The server side on frames of our own. */
export class FrameServerEngine implements ServerEngine {
  private readonly connections = new Set<ServerConnection>();
  private readonly sweep: NodeJS.Timeout;
  private drained: (() => void) | undefined;
  private draining = false;
  private checkedMs = nowMs();

  /**
   * @param scheduler to be shared with the client engine: what one reads, the other writes.
   * @param random a number from 0 to 1, by which the ages of connections differ.
   */
  constructor(
    private readonly limits: ServerLimits,
    private readonly listener: ServerListener,
    private readonly scheduler: FlushScheduler,
    private readonly random: () => number = Math.random,
  ) {
    this.sweep = setInterval(() => this.checkConnections(), sweepMs);
    this.sweep.unref();
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  get streamCount(): number {
    let count = 0;
    for (const connection of this.connections) count += connection.streamCount;
    return count;
  }

  adopt(socket: Socket): void {
    const { limits, listener, scheduler, random } = this;
    const onClosed = (): void => {
      this.connections.delete(connection);
      if (this.connections.size === 0) this.drained?.();
    };
    const connection = new ServerConnection(
      ...([socket, limits, listener, scheduler, nowMs, random, onClosed] as const),
    );
    this.connections.add(connection);
    if (this.draining) connection.drain();
  }

  drain(): Promise<void> {
    this.draining = true;
    return new Promise((resolve) => {
      if (this.connections.size === 0) return resolve();
      this.drained = resolve;
      for (const connection of this.connections) connection.drain();
    });
  }

  destroy(): void {
    clearInterval(this.sweep);
    for (const connection of this.connections) connection.destroy();
  }

  private checkConnections(): void {
    const now = nowMs();
    const seconds = (now - this.checkedMs) / 1000;
    this.checkedMs = now;
    for (const connection of this.connections) connection.check(now, seconds);
  }
}

function nowMs(): number {
  return performance.now();
}
