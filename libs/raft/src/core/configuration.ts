import { invariant } from './invariants';
import { ENTRY_VERSION, EntryKind } from './types';
import type { Configuration, Entry } from './types';

/** The newest version of the configuration's bytes. Version 2 added transitions. */
const CONFIGURATION_VERSION = 2;

/**
 * A configuration as the payload of an entry: JSON, because it is rare, small and read by people in dumps. Equal inputs, equal bytes.
 *
 * What version 1 can say is written as version 1: entry 1 has to be the same on all founding members, whichever version they run.
 */
export function encodeConfiguration(configuration: Configuration): Uint8Array {
  const members = [...configuration.members]
    .sort((left, right) => left.id - right.id)
    .map(({ id, address, voter, transition }) => ({
      id,
      address,
      voter,
      ...(transition === undefined ? {} : { transition }),
    }));
  const { clusterId } = configuration;
  const version = hasTransitions(configuration) ? CONFIGURATION_VERSION : 1;
  return new TextEncoder().encode(JSON.stringify({ version, clusterId, members }));
}

/** True when version 1 of the formats that hold a configuration cannot say it. */
export function hasTransitions({ members }: Configuration): boolean {
  return members.some(({ transition }) => transition !== undefined);
}

/** The inverse of {@link encodeConfiguration}. @throws InvariantError on a version that this code does not know. */
export function decodeConfiguration(payload: Uint8Array): Configuration {
  const parsed = JSON.parse(new TextDecoder().decode(payload)) as Configuration & {
    version: number;
  };
  invariant(
    parsed.version >= 1 && parsed.version <= CONFIGURATION_VERSION,
    `configuration entry has version ${parsed.version}, this code knows 1 to ${CONFIGURATION_VERSION}`,
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
