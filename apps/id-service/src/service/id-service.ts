import { id } from '@raftway/contracts';
import { internal, requestIdReused } from '@raftway/errors';
import { formatSnowflake } from '@raftway/ids';
import { fingerprint } from '@raftway/raft/state-machine';
import {
  implementService,
  type CallContext,
  type Replica,
  type ServiceImplementation,
  toDuration,
} from '@raftway/service-kit';
import type { WorkerKeeper } from '../adapters/worker-keeper';
import { encodeCommand } from '../domain/commands';
import type { IdResult } from '../domain/results';
import { refusalError } from './refusals';
import { validIdsRequest, validIdText, validSequenceRequest } from './validation';

/** The service's full name in gRPC. */
export const ID_GRPC_SERVICE = 'raftway.id.v1.IdService';

/** What the handlers work with. */
export interface IdServiceInput {
  readonly keeper: Pick<WorkerKeeper, 'take'>;
  readonly replica: Pick<Replica<IdResult>, 'propose'>;
  /** The epoch that ids count from, in Unix milliseconds: the group's once it is known. */
  readonly epochMs: () => number;
}

/** IdService over a worker keeper (ids, from memory) and a replica (sequences, through Raft). */
export function idService(input: IdServiceInput): ServiceImplementation {
  return implementService(id.IdServiceService, {
    generateIds: async (request, call) => {
      const values = await input.keeper.take(validIdsRequest(request), call);
      return { ids: values.map((value) => ({ value, text: formatSnowflake(value) })) };
    },
    inspectId: (request) => inspect(request.text, input.epochMs()),
    nextSequence: (request, call) => nextSequence(request, call, input),
  });
}

function inspect(text: string, epochMs: number): id.InspectIdResponse {
  const { value, timestampMs, worker, sequence } = validIdText(text);
  return {
    format: id.IdFormat.SNOWFLAKE,
    value,
    createdAt: toDuration(epochMs + timestampMs),
    sinceEpoch: toDuration(timestampMs),
    worker,
    sequence,
  };
}

async function nextSequence(
  request: id.NextSequenceRequest,
  call: CallContext,
  input: IdServiceInput,
): Promise<id.NextSequenceResponse> {
  const { name, count, requestId } = validSequenceRequest(request);
  const command = encodeCommand({ kind: 'nextSequence', name, count });
  const { result } = await input.replica.propose(command, call, requestId);
  if (result.kind === 'refused') throw refusalError(result, { epochMs: input.epochMs() });
  if (result.kind !== 'sequenceTaken') throw internal(new Error(`answered with ${result.kind}`));
  // A known request id yields the first answer, which is this request's only if it asked for the same.
  const { first, last, nameHash } = result;
  if (nameHash !== fingerprint(name) || last - first + 1n !== BigInt(count)) {
    throw requestIdReused();
  }
  return { first, last };
}
