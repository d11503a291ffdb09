import { invariant } from './invariants';
import { ENTRY_VERSION, EntryKind } from './types';
import type { Configuration, Entry, LogIndex, Member, ServerId } from './types';

/** The version of the configuration's bytes that this code writes. */
const CONFIGURATION_VERSION = 1;

/** A configuration as the payload of an entry: JSON, because it is rare, small and read by people in dumps. Equal inputs, equal bytes. */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const members = [...configuration.members]
    .sort((left, right) => left.id - right.id)
    .map(({ id, address, voter }) => ({ id, address, voter }));
  const { clusterId } = configuration;
  return new TextEncoder().encode(
    JSON.stringify({ version: CONFIGURATION_VERSION, clusterId, members }),
  );
}

/** The inverse of {@link encodeConfiguration}. @throws InvariantError on a version that this code does not know. */
export function decodeConfiguration(payload: Uint8Array): Configuration {
  const parsed = JSON.parse(new TextDecoder().decode(payload)) as Configuration & {
    version: number;
  };
  invariant(
    parsed.version === CONFIGURATION_VERSION,
    `configuration entry has version ${parsed.version}, this code knows ${CONFIGURATION_VERSION}`,
  );
  return { clusterId: parsed.clusterId, members: parsed.members };
}

/** Entry 1 of term 1 of a new group: the same bytes on every first member, hence committed without a vote. */
export function bootstrapEntry(configuration: Configuration): Entry {
  checkConfiguration(configuration);
  return {
    version: ENTRY_VERSION,
    index: 1,
    term: 1,
    kind: EntryKind.configuration,
    stampMs: 0,
    clientId: '',
    sequence: 0,
    payload: encodeConfiguration(configuration),
  };
}

/** @throws RangeError with one sentence that names the rule. */
export function checkConfiguration(configuration: Configuration): void {
  const ids = new Set(configuration.members.map((member) => member.id));
  if (ids.size !== configuration.members.length) {
    throw new RangeError('every member of a configuration must have an id of its own');
  }
  if ([...ids].some((id) => !Number.isSafeInteger(id) || id < 1)) {
    throw new RangeError('the id of a member must be a whole number of at least 1');
  }
  if (!configuration.members.some((member) => member.voter)) {
    throw new RangeError('a configuration must have at least one voter');
  }
}

/**
 * Which configuration is in force, and which were before it.
 *
 * A server uses the latest configuration in its log as soon as it is appended, committed or not (Raft §6), so cutting the log may bring an
 * earlier one back. That is why the list is kept down to the snapshot.
 */
export class Configurations {
  private history: { readonly index: LogIndex; readonly configuration: Configuration }[] = [];
  /** Derived once a change, because votes and commits ask all the time. */
  private currentVoters: readonly ServerId[] = [];

  /** The one in force. Before the first entry: nobody. */
  get current(): Configuration {
    return this.history.at(-1)?.configuration ?? { clusterId: '', members: [] };
  }

  /** The ids of the members that vote and count for commits. */
  get voters(): readonly ServerId[] {
    return this.currentVoters;
  }

  /** All members but `id`. */
  othersThan(id: ServerId): readonly Member[] {
    return this.current.members.filter((member) => member.id !== id);
  }

  isVoter(id: ServerId): boolean {
    return this.currentVoters.includes(id);
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

  /** A snapshot replaced the log. */
  restore(index: LogIndex, configuration: Configuration): void {
    this.history = [];
    this.add(index, configuration);
  }

  private refresh(): void {
    this.currentVoters = this.current.members
      .filter((member) => member.voter)
      .map((member) => member.id);
  }
}
