import type { Message, ServerId } from '../core';
import { SnapshotRefused, type SnapshotTransfer, TransferInterrupted } from './snapshot-transfer';
import type { Transport, TransportHandler } from './transport';

/**
 * The transport port in memory: replicas of one process on one hub, with links that tests can cut. Messages arrive in a later turn, in
 * order, by reference.
 */
export class MemoryNetwork {
  private readonly handlers = new Map<ServerId, TransportHandler>();
  private readonly cutLinks = new Set<string>();

  /** The endpoint of one server; a restarted one asks for a new endpoint. */
  endpoint(id: ServerId): Transport {
    return new MemoryTransport(this, id);
  }

  /** Drops everything from one server to another, in this direction only. */
  cut(from: ServerId, to: ServerId): void {
    this.cutLinks.add(`${from}>${to}`);
  }

  /** Drops everything to and from a server. */
  isolate(id: ServerId): void {
    this.cutLinks.add(`${id}>*`).add(`*>${id}`);
  }

  /** Restores every link. */
  heal(): void {
    this.cutLinks.clear();
  }

  /** @internal */
  attach(id: ServerId, handler: TransportHandler): void {
    this.handlers.set(id, handler);
  }

  /** @internal */
  detach(id: ServerId, handler: TransportHandler): void {
    if (this.handlers.get(id) === handler) this.handlers.delete(id);
  }

  /** @internal Whether there is no such server, as opposed to none that can be reached. */
  isGone(id: ServerId): boolean {
    return !this.handlers.has(id);
  }

  /** @internal The receiver, or undefined when nothing gets there. */
  reach(from: ServerId, to: ServerId): TransportHandler | undefined {
    const cut =
      this.cutLinks.has(`${from}>${to}`) ||
      this.cutLinks.has(`${from}>*`) ||
      this.cutLinks.has(`*>${to}`);
    return cut ? undefined : this.handlers.get(to);
  }
}

class MemoryTransport implements Transport {
  private handler: TransportHandler | undefined;

  constructor(
    private readonly network: MemoryNetwork,
    private readonly id: ServerId,
  ) {}

  start(handler: TransportHandler): Promise<void> {
    this.handler = handler;
    this.network.attach(this.id, handler);
    return Promise.resolve();
  }

  /** Everybody on the hub can be reached. */
  setPeers(): void {}

  send(messages: readonly Message[]): void {
    const batches = new Map<ServerId, Message[]>();
    for (const message of messages) {
      const batch = batches.get(message.to);
      if (batch === undefined) batches.set(message.to, [message]);
      else batch.push(message);
    }
    for (const [to, batch] of batches) setImmediate(() => this.deliver(to, batch));
  }

  async sendSnapshot(to: ServerId, transfer: SnapshotTransfer, signal: AbortSignal): Promise<void> {
    const offered = await this.toReceiver(to, signal, (receiver) =>
      receiver.onSnapshotOffer(this.id, transfer.offer()),
    );
    transfer.begin(offered);
    while (!transfer.isComplete) {
      const chunk = await transfer.next();
      if (chunk === undefined) throw new TransferInterrupted('a chunk was not acknowledged');
      const received = await this.toReceiver(to, signal, (receiver) =>
        receiver.onSnapshotChunk(this.id, chunk),
      );
      transfer.acknowledge(received);
    }
  }

  /** Asks the receiver in a later turn. */
  private async toReceiver(
    to: ServerId,
    signal: AbortSignal,
    ask: (receiver: TransportHandler) => Promise<number>,
  ): Promise<number> {
    await new Promise((resolve) => setImmediate(resolve));
    if (signal.aborted) throw new Error('the snapshot transfer was given up');
    const receiver = this.network.reach(this.id, to);
    if (receiver === undefined) throw new TransferInterrupted(`server ${to} cannot be reached`);
    try {
      return await ask(receiver);
    } catch (error) {
      if (error instanceof SnapshotRefused) throw error;
      throw new TransferInterrupted((error as Error).message);
    }
  }

  stop(): Promise<void> {
    if (this.handler !== undefined) this.network.detach(this.id, this.handler);
    this.handler = undefined;
    return Promise.resolve();
  }

  private deliver(to: ServerId, messages: readonly Message[]): void {
    if (this.handler === undefined) return;
    const receiver = this.network.reach(this.id, to);
    if (receiver !== undefined) receiver.onMessages(messages);
    else {
      this.handler.onUnreachable(to);
      if (this.network.isGone(to)) this.handler.onGone(to);
    }
  }
}
