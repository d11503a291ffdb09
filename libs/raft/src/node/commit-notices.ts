import type { Message, ServerId } from '../core';

/**
 * How long a notice waits for something to travel with, in milliseconds. Somebody who calls again when he is answered does so within that,
 * and the append of his next command tells the followers as well.
 */
const NOTICE_WAIT_MS = 1;
/** A follower that was answered so lately has callers of its own, who are waiting to hear what is committed. */
const CALLERS_MS = 100;

/**
 * Sends messages, but for heartbeats that only tell a follower what has been committed: those wait.
 *
 * They come up in the turn in which callers get their answers. Sent at once, they wake two followers that take the processor from whoever
 * was answered, and whose replies then wake the leader: half of all messages of a group with one call in flight. What goes to the same
 * follower meanwhile tells it as well, and makes them needless. A follower through which others call is told in the next turn.
 */
export class CommitNotices {
  private readonly rounds = new Map<ServerId, number>();
  private readonly answeredMs = new Map<ServerId, number>();
  private held = new Map<ServerId, Message>();
  private turn: NodeJS.Immediate | undefined;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly sendNow: (messages: readonly Message[]) => void) {}

  send(messages: readonly Message[]): void {
    const others = messages.filter((message) => !this.isNotice(message));
    for (const message of messages) {
      if (this.isNotice(message)) this.hold(message);
      else this.note(message);
    }
    this.sendNow(others);
  }

  stop(): void {
    clearImmediate(this.turn);
    clearTimeout(this.timer);
    this.held.clear();
  }

  private hold(message: Message): void {
    this.held.set(message.to, message);
    if (!this.hasCallers(message.to)) return this.sendLater();
    this.turn ??= setImmediate(() => {
      this.turn = undefined;
      this.sendHeld((to) => this.hasCallers(to));
      // Also those whose time as a follower with callers ended in between.
      if (this.held.size > 0) this.sendLater();
    });
  }

  private sendLater(): void {
    this.timer ??= setTimeout(() => {
      this.timer = undefined;
      this.sendHeld(() => true);
    }, NOTICE_WAIT_MS);
  }

  private note(message: Message): void {
    const { type, to } = message;
    if (type === 'forwardProposalsReply' || type === 'readIndexReply') {
      this.answeredMs.set(to, performance.now());
    } else if (type === 'heartbeat' || type === 'appendEntries') {
      if (type === 'heartbeat') this.rounds.set(to, message.round);
      this.held.delete(to);
    }
  }

  private hasCallers(to: ServerId): boolean {
    const answeredMs = this.answeredMs.get(to);
    return answeredMs !== undefined && performance.now() - answeredMs < CALLERS_MS;
  }

  private sendHeld(isDue: (to: ServerId) => boolean): void {
    const messages = [...this.held.values()].filter(({ to }) => isDue(to));
    for (const { to } of messages) this.held.delete(to);
    if (messages.length > 0) this.sendNow(messages);
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
