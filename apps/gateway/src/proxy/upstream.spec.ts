import { SetAside } from '@raftway/load-balancing';
import { type ClientConnection, type ClientEngine, type ConnectionListener } from '@raftway/http2';
import { type ConnectionWaiter, Upstream } from './upstream';

const none = (): void => undefined;

/** An endpoint whose connections do what they are told, at a time that is told. */
class Scene {
  nowMs = 1000;
  /** Of the connections that were made. */
  readonly listeners: ConnectionListener[] = [];
  readonly violations: string[] = [];
  readonly setAside = new SetAside(() => 0.5);
  readonly upstream: Upstream;
  hasCapacity = false;

  constructor() {
    const hasCapacity = (): boolean => this.hasCapacity;
    const connection = {
      streamCount: 0,
      get hasCapacity() {
        return hasCapacity();
      },
    } as ClientConnection;
    const engine: ClientEngine = {
      connect: (_address, listener) => {
        this.listeners.push(listener);
        return connection;
      },
    };
    this.upstream = new Upstream('a', 'test.Echo', '127.0.0.1:1', {
      engine,
      limits: { connectionsMax: 4, waitingMax: 10, idleMs: 1000 },
      setAside: this.setAside,
      observer: {
        onConnect: none,
        onConnectFailed: none,
        onViolation: (...told) => this.violations.push(told.join(' ')),
      },
      nowMs: () => this.nowMs,
    });
  }

  /** Asks for a connection, and notes what comes of it. */
  acquire(): string[] {
    const events: string[] = [];
    const waiter: ConnectionWaiter = {
      onConnection: () => events.push('connection'),
      onConnectFailed: (detail) => events.push(detail),
      onQueueFull: () => events.push('queue full'),
    };
    this.upstream.acquire(waiter);
    return events;
  }
}

describe('an endpoint whose connection broke the protocol', () => {
  it('is set aside, and no connection to it is made for 100 ms', () => {
    const scene = new Scene();
    const waiting = scene.acquire();
    scene.listeners[0]?.onViolation?.('push is not accepted');

    scene.nowMs += 99;
    const early = scene.acquire();
    scene.nowMs += 1;
    const late = scene.acquire();

    expect(scene.setAside.until('a')).toBe(1250);
    expect(waiting).toEqual(['push is not accepted']);
    expect(early).toEqual(['its last connection broke the protocol']);
    expect(late).toEqual([]);
    expect(scene.listeners).toHaveLength(2);
    expect(scene.violations).toEqual(['test.Echo 127.0.0.1:1 push is not accepted']);
  });

  it('keeps the calls that another connection of it can take', () => {
    const scene = new Scene();
    scene.acquire();
    scene.listeners[0]?.onReady();
    const waiting = scene.acquire();
    scene.listeners[1]?.onViolation?.('push is not accepted');

    scene.hasCapacity = true;
    scene.listeners[0]?.onCapacity();

    expect(waiting).toEqual(['connection']);
  });
});
