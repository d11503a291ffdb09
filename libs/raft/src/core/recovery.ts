import { bootstrapEntry, checkConfiguration, decodeConfiguration } from './configuration';
import { Configurations } from './configurations';
import { invariant } from './invariants';
import { RaftLog } from './log';
import type { LogBase } from './log';
import type { InitialState } from './options';
import { EntryKind, NO_SERVER } from './types';
import type { Configuration, Entry, HardState, SnapshotMetadata } from './types';

/** What a core starts with. */
export interface RecoveredState {
  readonly log: RaftLog;
  readonly configurations: Configurations;
  readonly hardState: HardState;
  /** What of the hard state is on disk. */
  readonly writtenHardState: HardState;
  readonly snapshot: SnapshotMetadata | undefined;
  /** Set when the log on disk does not fit the snapshot, and has to be replaced by it. */
  readonly unwrittenSnapshot: SnapshotMetadata | undefined;
}

const nothing: HardState = { currentTerm: 0, votedFor: NO_SERVER, commitIndex: 0 };

/** A new member of a new group: entry 1 is the configuration, the same everywhere, and therefore committed. */
export function bootstrap(configuration: Configuration): RecoveredState {
  checkConfiguration(configuration);
  const hardState: HardState = { currentTerm: 1, votedFor: NO_SERVER, commitIndex: 1 };
  const base: LogBase = { index: 0, term: 0, stampMs: 0 };
  const entry = bootstrapEntry(configuration);
  const configurations = new Configurations();
  configurations.add(1, configuration);
  return {
    log: new RaftLog(base, [entry], nothing, hardState.commitIndex, 0, 0),
    configurations,
    hardState,
    writtenHardState: nothing,
    snapshot: undefined,
    unwrittenSnapshot: undefined,
  };
}

/** A server that an existing group will take in: it knows nobody, so it does not campaign; the first entry or snapshot tells it who is there. */
export function join(): RecoveredState {
  return {
    log: new RaftLog({ index: 0, term: 0, stampMs: 0 }, [], nothing, 0, 0, 0),
    configurations: new Configurations(),
    hardState: nothing,
    writtenHardState: nothing,
    snapshot: undefined,
    unwrittenSnapshot: undefined,
  };
}

/** A member that comes back. The state machine has been restored from the snapshot; what follows it is applied again. */
export function recover(initial: InitialState): RecoveredState {
  const { hardState, snapshot } = initial;
  const snapshotIndex = snapshot?.lastIncludedIndex ?? 0;
  const usable = entriesFit(initial) ? initial.entries : [];
  const { base, entries } = chooseBase(usable, snapshot);
  const log = new RaftLog(
    base,
    entries,
    hardState,
    Math.max(hardState.commitIndex, snapshotIndex),
    snapshotIndex,
    base.index + entries.length,
  );
  const configurations = new Configurations();
  if (snapshot !== undefined) configurations.add(snapshotIndex, snapshot.configuration);
  for (const entry of entries) {
    if (entry.kind === EntryKind.configuration && entry.index > snapshotIndex) {
      configurations.add(entry.index, decodeConfiguration(entry.payload));
    }
  }
  return {
    log,
    configurations,
    hardState,
    writtenHardState: hardState,
    snapshot,
    // Also when no entry is left: where the log on disk ends is not known then, and the next entry must not leave a gap.
    unwrittenSnapshot: usable.length > 0 ? undefined : snapshot,
  };
}

/**
 * Entries are applied, and snapshots of them taken, without waiting for this server's own disk, since a majority has them. After a crash the log
 * may therefore end before the snapshot, or hold at its index, or behind it, an entry that lost. Then nothing in it is worth anything that the snapshot is not.
 */
function entriesFit({ entries, snapshot }: InitialState): boolean {
  const first = entries[0];
  if (first === undefined) return true;
  if (snapshot === undefined) {
    invariant(first.index === 1, `the log begins at ${first.index} and there is no snapshot`);
    return true;
  }
  const { lastIncludedIndex, lastIncludedTerm } = snapshot;
  invariant(
    first.index <= lastIncludedIndex + 1,
    `the log begins at ${first.index}, the snapshot ends at ${lastIncludedIndex}`,
  );
  // What follows a committed entry has its term or a later one. An earlier one is left of a log that the snapshot's leader had cut, where the batch that cut it has rotted.
  if (first.index === lastIncludedIndex + 1) return first.term >= lastIncludedTerm;
  return entries[lastIncludedIndex - first.index]?.term === lastIncludedTerm;
}

/** Entries at or before the snapshot's index are kept for followers that are a little behind; the first of them serves as the base. */
function chooseBase(
  entries: readonly Entry[],
  snapshot: SnapshotMetadata | undefined,
): { base: LogBase; entries: readonly Entry[] } {
  const first = entries[0];
  if (snapshot === undefined) return { base: { index: 0, term: 0, stampMs: 0 }, entries };
  if (first === undefined || first.index > snapshot.lastIncludedIndex) {
    const { lastIncludedIndex: index, lastIncludedTerm: term, stampMs } = snapshot;
    return { base: { index, term, stampMs }, entries };
  }
  return { base: first, entries: entries.slice(1) };
}
