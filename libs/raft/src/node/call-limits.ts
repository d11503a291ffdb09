import { Role } from '../core';
import type { Raft } from '../core/raft';
import { RaftError } from '../errors';
import type { ResolvedRaftNodeOptions } from './options';
import type { LeaderBacklog } from './refusals';

const REQUEST_ID_LENGTH_MAX = 128;

/** Why a command is not even tried, if it is not. @param diskFull this replica leads and could only take it into memory. */
export function refuse(
  command: Uint8Array,
  requestId: string,
  commandBytesMax: number,
  diskFull: boolean,
): RaftError | undefined {
  if (command.length > commandBytesMax) {
    const message = `a command of ${command.length} bytes is above the limit of ${commandBytesMax}`;
    return new RaftError('tooLarge', message);
  }
  if (requestId.length > REQUEST_ID_LENGTH_MAX) {
    const message = `a request id has at most ${REQUEST_ID_LENGTH_MAX} characters`;
    return new RaftError('tooLarge', message);
  }
  if (diskFull) {
    const message = 'the disk of this replica is full, so it takes no commands';
    return new RaftError('queueFull', message);
  }
  return undefined;
}

/** What this replica holds uncommitted; undefined when it does not lead. */
export function leaderBacklog(
  raft: Raft,
  options: Pick<ResolvedRaftNodeOptions<unknown>, 'uncommittedEntriesMax' | 'uncommittedBytesMax'>,
): LeaderBacklog | undefined {
  if (raft.role !== Role.leader) return undefined;
  const { uncommittedEntries, uncommittedBytes } = raft.status(performance.now());
  return {
    entries: uncommittedEntries,
    entriesMax: options.uncommittedEntriesMax,
    bytes: uncommittedBytes,
    bytesMax: options.uncommittedBytesMax,
  };
}

/** What a call gets when nothing runs here any more. */
export function stopped(): RaftError {
  return new RaftError('stopped', 'this replica is not running');
}
