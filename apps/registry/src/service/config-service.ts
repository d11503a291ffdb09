import { config } from '@raftway/contracts';
import { requestIdReused } from '@raftway/errors';
import {
  type CancellableCall,
  implementService,
  type Replica,
  type ReplicaCall,
  type ServiceImplementation,
} from '@raftway/service-kit';
import { encodeCommand } from '../domain/commands';
import { type ConfigTransaction, transactionFingerprint } from '../domain/config-commands';
import { type ConfigState } from '../domain/config-state';
import { type RegistryResult } from '../domain/results';
import {
  configDeltaMessages,
  configProgressMessage,
  configResetMessage,
  configSnapshotMessages,
  entryMessage,
  PART_BYTES_MAX,
} from './config-messages';
import {
  keyPageToken,
  revisionOf,
  validChange,
  validConfigPage,
  validKey,
  validPrefix,
  validTransaction,
  type ValidTransaction,
} from './config-validation';
import { limitReached, unexpected } from './registry-service';
import { type WatchHub } from './watch-hub';

/** What the handlers work with. */
export interface ConfigServiceParts {
  readonly replica: Pick<Replica<RegistryResult>, 'propose' | 'read'>;
  /** The local state; a restore replaces it. */
  config(): ConfigState;
  readonly hub: WatchHub;
  /** Wall clock in milliseconds; see ConfigTransaction.firstRevision. */
  wallClockMs(): number;
}

/** The result of a transaction that was about this and nothing else. */
type Outcome = Extract<RegistryResult, { kind: 'configured' | 'configRefused' }>;

/** The gRPC face of the configuration. Every change is a transaction. */
export function configService(parts: ConfigServiceParts): ServiceImplementation {
  const { replica } = parts;

  return implementService(
    config.ConfigServiceService,
    {
      get: async (request, call) => {
        const key = validKey(request.key);
        await replica.read(call);
        const state = parts.config();
        const entry = state.get(key);
        return { entry: entry && entryMessage(entry), revision: BigInt(state.revision) };
      },

      list: async (request, call) => {
        const page = validConfigPage(request);
        await replica.read(call);
        return listed(parts.config(), page);
      },

      put: async ({ key, value, requestId }, call) => {
        const { revision } = await propose(
          parts,
          validChange({ key, value }, requestId),
          requestId,
          call,
        );
        return { revision: BigInt(revision) };
      },

      delete: async ({ key, requestId }, call) => {
        const change = validChange({ key, value: undefined }, requestId);
        const { revision } = await propose(parts, change, requestId, call);
        return { revision: BigInt(revision) };
      },

      compareAndSwap: async ({ key, value, expectedRevision, requestId }, call) => {
        const revision = revisionOf(expectedRevision);
        const change = validChange({ key, value }, requestId, [{ kind: 'entry', key, revision }]);
        const outcome = await propose(parts, change, requestId, call);
        return { swapped: outcome.kind === 'configured', revision: BigInt(outcome.revision) };
      },

      txn: async (request, call) => {
        const { requestId } = request;
        const outcome = await propose(parts, validTransaction(request), requestId, call);
        return {
          succeeded: outcome.kind === 'configured',
          revision: BigInt(outcome.revision),
          failedCondition: outcome.kind === 'configRefused' ? outcome.condition : 0,
        };
      },

      watch: async function* (request, call) {
        const prefix = validPrefix(request.prefix);
        await replica.read(call);
        yield* watch(parts, prefix, revisionOf(request.fromRevision), call);
      },
    },
    { endlessMethods: ['watch'] },
  );
}

async function propose(
  { replica, wallClockMs }: ConfigServiceParts,
  transaction: ValidTransaction,
  requestId: string,
  call: ReplicaCall,
): Promise<Outcome> {
  const command: ConfigTransaction = {
    kind: 'configTransaction',
    ...transaction,
    firstRevision: wallClockMs(),
  };
  const { result } = await replica.propose(encodeCommand(command), call, requestId);
  if (result.kind === 'limitReached') throw limitReached(result.limit);
  if (result.kind !== 'configured' && result.kind !== 'configRefused')
    throw unexpected(result, requestId);
  if (requestId !== '' && result.fingerprint !== transactionFingerprint(command))
    throw requestIdReused();
  return result;
}

function listed(
  state: ConfigState,
  { prefix, pageSize, after }: ReturnType<typeof validConfigPage>,
): config.ListResponse {
  const left = state.below(prefix).filter(({ key }) => key > after);
  let count = 0;
  let bytes = 0;
  for (const { sizeBytes } of left) {
    if (count === pageSize || bytes > PART_BYTES_MAX) break;
    count += 1;
    bytes += sizeBytes;
  }
  const shown = left.slice(0, count);
  const last = shown.at(-1);
  const isLastPage = count === left.length || last === undefined;
  return {
    entries: shown.map(entryMessage),
    revision: BigInt(state.revision),
    nextPageToken: isLastPage ? '' : keyPageToken(last.key),
  };
}

/** The events of one watcher. The caller has confirmed the local state by a linearizable read. */
async function* watch(
  { config: state, hub }: ConfigServiceParts,
  prefix: string,
  fromRevision: number,
  { signal }: CancellableCall,
): AsyncGenerator<config.ConfigServiceWatchResponse> {
  const subscription = hub.subscribe('', signal);
  try {
    let cursor = fromRevision;
    // A watcher that resumes hears at once how old it is; after a snapshot it knows.
    let owesProgress = fromRevision !== 0;
    if (fromRevision === 0) {
      const messages = configSnapshotMessages(state().below(prefix), state().revision);
      cursor = state().revision;
      yield* messages;
    }
    for (;;) {
      signal.throwIfAborted();
      const { revision } = state();
      if (revision !== cursor) {
        const messages = missed(state(), prefix, cursor);
        cursor = revision;
        yield* messages;
        continue;
      }
      if (subscription.takeConfirmation() || owesProgress) {
        owesProgress = false;
        yield configProgressMessage(cursor);
        continue;
      }
      await subscription.wait();
    }
  } finally {
    subscription.end();
  }
}

/** What a watcher at `cursor` needs to be at the current revision; nothing for changes of other keys. */
function missed(
  state: ConfigState,
  prefix: string,
  cursor: number,
): config.ConfigServiceWatchResponse[] {
  const { revision } = state;
  const changes = state.changesSince(cursor, prefix);
  if (changes !== undefined) {
    const isEmpty = changes.upserts.length + changes.removedKeys.length === 0;
    return isEmpty ? [] : configDeltaMessages(changes, cursor, revision);
  }
  const reason =
    cursor > revision
      ? `revision ${cursor} is newer than the store's ${revision}`
      : `changes since revision ${cursor} are not known any more`;
  return [
    configResetMessage(reason, revision),
    ...configSnapshotMessages(state.below(prefix), revision),
  ];
}
