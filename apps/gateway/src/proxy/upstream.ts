import { type SetAside } from '@raftway/load-balancing';
import { type ClientConnection, type ClientEngine, type ConnectionListener } from '@raftway/http2';

/** How long no connection is made after one that broke the protocol, in milliseconds: with an only instance, each call would make one, for it to be closed. */
const violationRestMs = 100;

/** Waits for a connection to an endpoint on which a stream can be opened. Exactly one of its methods is called, once. */
export interface ConnectionWaiter {
  /** Open the stream now: the capacity is not kept. */
  onConnection(connection: ClientConnection): void;
  /** No connection could be made; nothing was sent. */
  onConnectFailed(detail: string): void;
  /** Too many calls wait for this endpoint. */
  onQueueFull(): void;
}

/** Limits of the connections to one endpoint. */
export interface UpstreamLimits {
  /** Connections to one endpoint; a further one is opened when the others have no room for another stream. */
  readonly connectionsMax: number;
  /** Calls that wait for a connection to one endpoint. */
  readonly waitingMax: number;
  /** A connection without streams for this long is closed. */
  readonly idleMs: number;
}

/** Counts what the pools do. */
export interface UpstreamObserver {
  onConnect(service: string): void;
  onConnectFailed(service: string, address: string, detail: string): void;
  /** A connection was closed because the instance broke the protocol. */
  onViolation(service: string, address: string, detail: string): void;
}

/** What an {@link Upstream} works with. */
export interface UpstreamContext {
  readonly engine: ClientEngine;
  readonly limits: UpstreamLimits;
  readonly setAside: SetAside;
  readonly observer: UpstreamObserver;
  readonly nowMs: () => number;
}

/** The connections to one endpoint. */
export class Upstream {
  private readonly connections = new Set<PooledConnection>();
  private readonly waiting = new Set<ConnectionWaiter>();
  private retired = false;
  /** When one of its connections last broke the protocol. */
  private violatedMs = -Infinity;

  constructor(
    readonly key: string,
    readonly service: string,
    private readonly address: string,
    private readonly context: UpstreamContext,
    /** Of the endpoint's own; undefined for the limit of all. */
    private readonly connectionsMax: () => number | undefined = () => undefined,
  ) {}

  /** The limit of calls that wait. */
  get waitingMax(): number {
    return this.context.limits.waitingMax;
  }

  get connectionCount(): number {
    return this.connections.size;
  }

  /** True when it is retired and nothing is open any more. */
  get isGone(): boolean {
    return this.retired && this.connections.size === 0 && this.waiting.size === 0;
  }

  /** Gives the waiter a connection, at once when there is one with room. */
  acquire(waiter: ConnectionWaiter): void {
    const pooled = this.waiting.size === 0 ? this.withCapacity() : undefined;
    if (pooled !== undefined) return pooled.hand(waiter);
    if (this.waiting.size >= this.context.limits.waitingMax) return waiter.onQueueFull();
    this.waiting.add(waiter);
    this.grow();
  }

  /** The waiter does not want a connection any more. */
  cancel(waiter: ConnectionWaiter): void {
    this.waiting.delete(waiter);
  }

  /**
   * The endpoint takes no new calls: open streams go on, then the connections close. They are probed, because an
   * endpoint often leaves the registry by having died, and then nobody would ever end its streams.
   */
  retire(): void {
    this.retired = true;
    for (const { connection } of this.connections) {
      connection.probe();
      connection.drain();
    }
    this.failWaiting('the instance is gone');
  }

  /** Closes connections that have been idle for too long. */
  sweep(nowMs: number): void {
    for (const pooled of this.connections) {
      if (pooled.isIdle(nowMs, this.context.limits.idleMs)) pooled.connection.drain();
    }
  }

  destroy(): void {
    this.retired = true;
    this.failWaiting('the gateway is stopping');
    for (const { connection } of this.connections) connection.destroy();
  }

  private withCapacity(): PooledConnection | undefined {
    // The least loaded: one connection's window and one backend thread's queue are shared by its streams.
    let best: PooledConnection | undefined;
    for (const pooled of this.connections) {
      if (!pooled.connection.hasCapacity) continue;
      if (best === undefined || pooled.connection.streamCount < best.connection.streamCount)
        best = pooled;
    }
    return best;
  }

  private grow(): void {
    if (this.retired) return this.failWaiting('the instance is gone');
    let open = 0;
    for (const { state } of this.connections) {
      // One at a time: its SETTINGS say how many streams it takes, and so whether another is needed.
      if (state === 'connecting') return;
      if (state === 'ready') open += 1;
    }
    if (open >= (this.connectionsMax() ?? this.context.limits.connectionsMax)) return;
    if (this.context.nowMs() - this.violatedMs < violationRestMs)
      return this.failUnlessReady('its last connection broke the protocol');
    this.context.observer.onConnect(this.service);
    const pooled = new PooledConnection(this.context, this.address, this.service, {
      onReady: () => {
        pooled.state = 'ready';
        this.context.setAside.succeed(this.key);
        this.serveWaiting();
        if (this.waiting.size > 0) this.grow();
      },
      onCapacity: () => {
        pooled.touch();
        if (this.waiting.size > 0) this.serveWaiting();
      },
      onDraining: () => {
        pooled.state = 'draining';
        if (this.waiting.size > 0) this.grow();
      },
      onViolation: (detail) => {
        pooled.state = 'draining';
        this.violatedMs = this.context.nowMs();
        this.context.observer.onViolation(this.service, this.address, detail);
        this.leaveOut(detail);
      },
      onClosed: (detail, wasReady) => this.onClosed(pooled, detail, wasReady),
    });
    this.connections.add(pooled);
  }

  private serveWaiting(): void {
    for (const waiter of this.waiting) {
      const pooled = this.withCapacity();
      if (pooled === undefined) return;
      this.waiting.delete(waiter);
      pooled.hand(waiter);
    }
  }

  private onClosed(pooled: PooledConnection, detail: string, wasReady: boolean): void {
    this.connections.delete(pooled);
    if (wasReady) {
      if (this.waiting.size > 0) this.grow();
      return;
    }
    this.context.observer.onConnectFailed(this.service, this.address, detail);
    this.leaveOut(detail);
  }

  private leaveOut(detail: string): void {
    this.context.setAside.fail(this.key, this.context.nowMs());
    this.failUnlessReady(detail);
  }

  private failUnlessReady(detail: string): void {
    const others = [...this.connections].some(({ state }) => state === 'ready');
    if (!others) this.failWaiting(detail);
  }

  private failWaiting(detail: string): void {
    const waiters = [...this.waiting];
    this.waiting.clear();
    for (const waiter of waiters) waiter.onConnectFailed(detail);
  }
}

/**
 * - `connecting`: no answer yet.
 * - `ready`: takes streams up to its limit.
 * - `draining`: finishes the streams it has.
 */
type ConnectionState = 'connecting' | 'ready' | 'draining';

class PooledConnection {
  readonly connection: ClientConnection;
  state: ConnectionState = 'connecting';
  private usedMs: number;

  constructor(
    private readonly context: UpstreamContext,
    address: string,
    service: string,
    listener: ConnectionListener,
  ) {
    this.usedMs = context.nowMs();
    this.connection = context.engine.connect(address, listener, service);
  }

  hand(waiter: ConnectionWaiter): void {
    waiter.onConnection(this.connection);
  }

  touch(): void {
    if (this.connection.streamCount === 0) this.usedMs = this.context.nowMs();
  }

  isIdle(nowMs: number, idleMs: number): boolean {
    const free = this.state === 'ready' && this.connection.streamCount === 0;
    return free && nowMs - this.usedMs >= idleMs;
  }
}
