import type { Message, ServerId } from '../core';

/**
 * Sends messages, but for heartbeats that only tell a follower what has been committed: those wait for the next turn.
 *
 * They come up in the turn in which callers get their answers, and nobody waits for them; sent at once, they wake two followers that then
 * take the processor from whoever was answered. What goes to the same follower meanwhile tells it as well, and makes them needless.
 */
export class CommitNotices {
  private readonly rounds = new Map<ServerId, number>();
  private held = new Map<ServerId, Message>();

  constructor(private readonly sendNow: (messages: readonly Message[]) => void) {}

  send(messages: readonly Message[]): void {
    const wereHeld = this.held.size > 0;
    const others = messages.filter((message) => !this.isNotice(message));
    for (const message of messages) {
      if (this.isNotice(message)) this.held.set(message.to, message);
      else if (message.type === 'heartbeat' || message.type === 'appendEntries') {
        if (message.type === 'heartbeat') this.rounds.set(message.to, message.round);
        this.held.delete(message.to);
      }
    }
    this.sendNow(others);
    if (!wereHeld && this.held.size > 0) setImmediate(() => this.sendHeld());
  }

  private sendHeld(): void {
    const messages = [...this.held.values()];
    this.held = new Map();
    this.sendNow(messages);
  }

  /** A heartbeat of a round that the follower has heard of confirms nothing. */
  private isNotice(message: Message): boolean {
    return (
      message.type === 'heartbeat' &&
      message.readmittedRun === 0 &&
      this.rounds.get(message.to) === message.round
    );
  }
}
