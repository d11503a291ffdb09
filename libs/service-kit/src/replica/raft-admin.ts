import { raft } from '@raftway/contracts';
import { joinHostPort, splitHostPort } from '@raftway/config';
import { invalidArgument } from '@raftway/errors';
import type { MembersChanged, RaftNode } from '@raftway/raft';
import { suiteVersion } from '../app/suite-version';
import type { CallContext, ServiceImplementation } from '../rpc/handlers';
import { implementService } from '../rpc/implement-service';
import { raftErrorToServiceError } from './raft-errors';
import { toMemberMessage, toStatusResponse } from './raft-status';

/** Of the caller's time, so that the answer says what happened before the caller gives up. */
const SHARE_OF_DEADLINE = 0.9;

/** How long a backup may take to find out what was acknowledged before it: its caller's deadline is for all of it. */
const BACKUP_READ_TIMEOUT_MS = 10_000;

/** raftway.raft.v1.RaftAdminService over one replica. @param service its service's name, which backups carry. */
export function raftAdminService(node: RaftNode<unknown>, service: string): ServiceImplementation {
  return implementService(raft.RaftAdminServiceService, {
    getStatus: () => toStatusResponse(node.status(), Date.now()),
    addServer: async ({ id, address, learner }, call) => {
      const server = { ...newServerOf(id, address), voter: !learner };
      return toChanged(await translated(() => node.addServer(server, optionsOf(call))));
    },
    removeServer: async ({ id }, call) => {
      if (!isServerId(id)) throw invalidArgument(idViolation('id', id));
      return toChanged(await translated(() => node.removeServer(Number(id), optionsOf(call))));
    },
    transferLeadership: async ({ targetId }) => {
      const target = Number(targetId);
      if (!Number.isSafeInteger(target)) {
        const description = `must be a server's id or 0, got ${targetId}`;
        throw invalidArgument({ field: 'target_id', description });
      }
      const leaderId = await translated(() => node.transferLeadership(target));
      return { leaderId: BigInt(leaderId) };
    },
    takeSnapshot: async () => {
      const { index, sizeBytes } = await translated(() => node.takeSnapshot());
      return { index: BigInt(index), sizeBytes: BigInt(sizeBytes) };
    },
    streamBackup: (_request, call) => backup(node, service, call),
  });
}

async function* backup(
  node: RaftNode<unknown>,
  service: string,
  call: CallContext,
): AsyncGenerator<raft.StreamBackupResponse> {
  const { signal, timeoutMs = BACKUP_READ_TIMEOUT_MS } = optionsOf(call);
  const limits = { signal, timeoutMs: Math.min(timeoutMs, BACKUP_READ_TIMEOUT_MS) };
  const request = { service, version: suiteVersion(), takenAtMs: Date.now(), ...limits };
  try {
    for await (const data of await node.backup(request)) yield { data };
  } catch (error) {
    throw raftErrorToServiceError(error);
  }
}

async function translated<Result>(work: () => Promise<Result>): Promise<Result> {
  try {
    return await work();
  } catch (error) {
    throw raftErrorToServiceError(error);
  }
}

/** @throws ServiceError with all that is wrong, at once. */
function newServerOf(id: bigint, address: string): { id: number; address: string } {
  const violations: { field: string; description: string }[] = [];
  if (!isServerId(id)) violations.push(idViolation('id', id));
  const parts = splitHostPort(address);
  const isReachable = parts !== undefined && parts.port > 0;
  if (!isReachable) {
    violations.push({ field: 'address', description: `must be host:port, got "${address}"` });
  }
  if (violations.length > 0 || !isReachable) throw invalidArgument(violations);
  return { id: Number(id), address: joinHostPort(parts) };
}

function isServerId(id: bigint): boolean {
  return id > 0n && id <= BigInt(Number.MAX_SAFE_INTEGER);
}

function idViolation(field: string, id: bigint): { field: string; description: string } {
  return { field, description: `must be a server's id, 1 or more, got ${id}` };
}

function optionsOf({ signal, deadlineMs }: CallContext) {
  if (deadlineMs === undefined) return { signal };
  return { signal, timeoutMs: Math.max(1, deadlineMs * SHARE_OF_DEADLINE) };
}

function toChanged({ index, members }: MembersChanged): raft.AddServerResponse {
  return {
    configurationIndex: BigInt(index),
    members: members.map((member) =>
      toMemberMessage({ ...member, matchIndex: 0, lastContactMs: 0, priority: undefined }, 0),
    ),
  };
}
