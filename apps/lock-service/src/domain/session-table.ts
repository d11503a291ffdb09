import { DeadlineHeap } from '@raftway/raft/state-machine';
import { type Session } from './model';

/** What opens a session. */
export interface NewSession {
  readonly id: string;
  /** Unique among sessions: the log index of the command that names it. */
  readonly order: number;
  readonly ttlMs: number;
  readonly deadlineMs: number;
  /** The lock that an implicit session belongs to, or ''. */
  readonly implicitLock: string;
}

/** The open sessions and their deadlines. */
export class SessionTable {
  private readonly byId = new Map<string, Session>();
  private readonly deadlines = new DeadlineHeap<Session>();

  get size(): number {
    return this.byId.size;
  }

  get(id: string): Session | undefined {
    return this.byId.get(id);
  }

  open(session: NewSession): Session {
    const opened: Session = { ...session, heapIndex: -1, held: new Set(), waiting: new Set() };
    this.byId.set(opened.id, opened);
    this.deadlines.add(opened);
    return opened;
  }

  /** Starts a session's time to live again. */
  renew(session: Session, nowMs: number): void {
    this.deadlines.reschedule(session, nowMs + session.ttlMs);
  }

  remove(session: Session): void {
    this.byId.delete(session.id);
    this.deadlines.remove(session);
  }

  /** The sessions whose time is over, earliest deadline first; they stay in the table until {@link remove}. */
  takeDue(nowMs: number): Session[] {
    return this.deadlines.takeDue(nowMs);
  }

  nextDeadlineMs(): number | undefined {
    return this.deadlines.peek()?.deadlineMs;
  }

  /** In the order in which they were opened. */
  all(): Iterable<Session> {
    return this.byId.values();
  }
}
