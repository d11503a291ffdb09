import type { Member, ServerId } from '../core';
import type { Raft } from '../core/raft';
import type { PeerAddress, Transport } from '../transport/transport';

/**
 * Keeps the transport's links in step with the members.
 *
 * Addresses come from the configuration in the log, unless the operator has listed the server in the options: then it has moved. Whoever is no member any more keeps its
 * link for a while: it may be owed an answer, and has to be told.
 */
export class PeerLinks {
  private readonly moved: ReadonlyMap<ServerId, string>;
  private links = new Map<ServerId, { readonly address: string; readonly untilMs: number }>();
  private told = '';

  constructor(
    private readonly raft: Raft,
    private readonly transport: Transport,
    /** As the operator configured them; all there is to go by for a server that waits to be added. */
    private readonly listed: readonly Member[],
    /** How long the link of somebody who has gone is kept, in milliseconds. */
    private readonly lingerMs: number,
  ) {
    this.moved = new Map(listed.map(({ id, address }) => [id, address]));
  }

  /** To be called when the members may have changed, and once a tick. */
  look(nowMs: number): void {
    for (const [id, { untilMs }] of this.links) {
      if (nowMs >= untilMs) this.links.delete(id);
    }
    for (const { id, address } of this.wanted()) {
      const there = this.moved.get(id) ?? address;
      this.links.set(id, { address: there, untilMs: nowMs + this.lingerMs });
    }
    const peers = [...this.links].map(([id, { address }]): PeerAddress => ({ id, address }));
    const summary = JSON.stringify(peers);
    if (summary === this.told) return;
    this.told = summary;
    this.transport.setPeers(peers);
  }

  private wanted(): readonly Member[] {
    switch (this.raft.standing) {
      case 'waiting':
        // A server whose disk was wiped hears from them that it is not welcome, and why.
        return this.listed;
      case 'removed':
        return [];
      default:
        return this.raft.peers();
    }
  }
}
