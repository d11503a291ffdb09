import type { Message, ServerId } from '../core';

/**
 * Heartbeats that only tell a follower what has been committed, held back for a moment.
 *
 * They come up in the turn in which callers get their answers, and nobody waits for them; sent at once, they wake two followers that then
 * take the processor from whoever was answered. What goes to the same follower meanwhile tells it as well, and makes them needless.
 */
export class CommitNotices {
  private readonly rounds = new Map<ServerId, number>();
  private held = new Map<ServerId, Message>();

  get isEmpty(): boolean {
    return this.held.size === 0;
  }

  /** Keeps the notices among the messages, and yields the rest. */
  hold(messages: readonly Message[]): readonly Message[] {
    const others = messages.filter((message) => !this.isNotice(message));
    for (const message of messages) {
      if (this.isNotice(message)) this.held.set(message.to, message);
      else if (message.type === 'heartbeat') {
        this.rounds.set(message.to, message.round);
        this.held.delete(message.to);
      } else if (message.type === 'appendEntries') this.held.delete(message.to);
    }
    return others;
  }

  /** What is to be sent now. */
  take(): readonly Message[] {
    const messages = [...this.held.values()];
    this.held = new Map();
    return messages;
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
