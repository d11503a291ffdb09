import { isJoint, majoritiesOf } from './membership';
import type { Majorities } from './quorum';
import type { Configuration, LogIndex, Member, ServerId } from './types';

interface Placed {
  readonly index: LogIndex;
  readonly configuration: Configuration;
}

const nobody: Placed = { index: 0, configuration: { clusterId: '', members: [] } };

/**
 * Which configuration is in force, and which were before it.
 *
 * A server uses the latest configuration in its log as soon as it is appended, committed or not (Raft §6), so cutting the log may bring an
 * earlier one back. That is why the list is kept down to the snapshot. In force only when committed or applied would be wrong: a majority could have gone
 * that the group still asks for its decisions, the one that commits the configuration among them (etcd #12359).
 */
export class Configurations {
  private history: Placed[] = [];
  /** Derived once a change, because votes and commits ask all the time. */
  private currentMajorities: Majorities = [[]];
  private currentVoters: readonly ServerId[] = [];
  private joint = false;

  /** The one in force. Before the first entry: nobody. */
  get current(): Configuration {
    return this.newest.configuration;
  }

  /** Where it is in the log, or what snapshot it came with; 0 before the first entry. */
  get currentIndex(): LogIndex {
    return this.newest.index;
  }

  /** Whose majorities decide: the voters after the change first, then in a joint configuration those before it. */
  get majorities(): Majorities {
    return this.currentMajorities;
  }

  /** The ids of the members that vote and count for commits, in either majority. */
  get voters(): readonly ServerId[] {
    return this.currentVoters;
  }

  get isJoint(): boolean {
    return this.joint;
  }

  /** All members but `id`. */
  othersThan(id: ServerId): readonly Member[] {
    return this.current.members.filter((member) => member.id !== id);
  }

  isVoter(id: ServerId): boolean {
    return this.currentVoters.includes(id);
  }

  /** True for who will be a voter when no change is under way any more. */
  staysVoter(id: ServerId): boolean {
    return this.currentMajorities[0]?.includes(id) === true;
  }

  /**
   * True for a voter of the configuration in force, or of one that comes back if the log is cut. A server that is no member of the newest
   * configuration may be the only one that can get it committed (dissertation §4.2.2).
   */
  mayBeNeeded(id: ServerId, commitIndex: LogIndex): boolean {
    return this.since(commitIndex).some(({ members }) =>
      members.some((member) => member.id === id && member.voter),
    );
  }

  /** Those that are remembered, oldest first. */
  get all(): readonly Configuration[] {
    return this.history.map(({ configuration }) => configuration);
  }

  /** The one in force at `index`, and all later ones. */
  since(index: LogIndex): readonly Configuration[] {
    const first = this.history.findLastIndex((item) => item.index <= index);
    return this.history.slice(Math.max(0, first)).map(({ configuration }) => configuration);
  }

  /** The one that was in force at `index`: what a snapshot of that index has to carry (dissertation §5.1). */
  at(index: LogIndex): Configuration | undefined {
    return this.history.findLast((item) => item.index <= index)?.configuration;
  }

  /** A configuration entry was appended, or a snapshot with one was restored. */
  add(index: LogIndex, configuration: Configuration): void {
    this.history.push({ index, configuration });
    this.refresh();
  }

  /** The log was cut: everything from `index` on is gone. */
  truncateFrom(index: LogIndex): void {
    const kept = this.history.filter((item) => item.index < index);
    if (kept.length === this.history.length) return;
    this.history = kept;
    this.refresh();
  }

  /** A snapshot of `index` is durable: what was in force before it is not asked for any more. */
  compactTo(index: LogIndex): void {
    const first = this.history.findLastIndex((item) => item.index <= index);
    if (first > 0) this.history = this.history.slice(first);
  }

  /** A snapshot replaced the log. */
  restore(index: LogIndex, configuration: Configuration): void {
    this.history = [];
    this.add(index, configuration);
  }

  private get newest(): Placed {
    return this.history.at(-1) ?? nobody;
  }

  private refresh(): void {
    this.currentMajorities = majoritiesOf(this.current);
    this.joint = isJoint(this.current);
    this.currentVoters = this.current.members
      .filter((member) => member.voter)
      .map((member) => member.id);
  }
}
