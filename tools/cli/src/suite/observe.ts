import { get } from 'node:http';
import { health, raft } from '@raftway/contracts';
import { createClient, toMilliseconds } from '@raftway/service-kit';
import { describeSilence } from '../command/describe-silence';
import type {
  GatewayObservation,
  ReplicaFacts,
  ReplicaObservation,
  SuiteObservation,
} from './observation';
import { ROLES, STANDINGS } from './raft-names';
import type { ReplicaTarget, SuiteTargets } from './targets';

/** How long anybody may take to answer, in milliseconds: a frozen process must not hold up the picture. */
const ANSWER_TIMEOUT_MS = 2000;
const READINESS_BYTES_MAX = 64 * 1024;

const Serving = health.HealthCheckResponse_ServingStatus.SERVING;

/** Asks everybody at once, each for its own picture; whoever does not answer is part of the picture. */
export async function observe(targets: SuiteTargets): Promise<SuiteObservation> {
  const groups = targets.groups.map(async ({ name, replicas }) => ({
    name,
    replicas: await Promise.all(replicas.map(observeReplica)),
  }));
  const gateway = targets.gateway === undefined ? undefined : observeGateway(targets.gateway);
  return { groups: await Promise.all(groups), gateway: await gateway };
}

async function observeReplica(target: ReplicaTarget): Promise<ReplicaObservation> {
  const { name, address, httpAddress } = target;
  const admin = createClient(raft.RaftAdminServiceService, address, { attemptsMax: 1 });
  const checks = createClient(health.HealthService, address, { attemptsMax: 1 });
  const limit = { timeoutMs: ANSWER_TIMEOUT_MS };
  try {
    const sentMs = Date.now();
    const startedMs = performance.now();
    const status = await admin.getStatus({}, limit);
    const roundTripMs = performance.now() - startedMs;
    const [statuses, notReady] = await Promise.all([
      checks.list({}, limit).catch(() => undefined),
      httpAddress === undefined ? [] : reasonsNotReady(httpAddress),
    ]);
    return {
      name,
      address,
      facts: toFacts(status, sentMs, roundTripMs),
      unreachable: undefined,
      isServing: isReplicaServing(statuses),
      notReady,
    };
  } catch (error) {
    const unreachable = describeSilence(error, ANSWER_TIMEOUT_MS);
    return { name, address, facts: undefined, unreachable, isServing: undefined, notReady: [] };
  } finally {
    admin.close();
    checks.close();
  }
}

/** Health of the replica's own services. A server lists health, reflection and administration, too, which serve without a leader. */
function isReplicaServing(list: health.HealthListResponse | undefined): boolean | undefined {
  if (list === undefined) return undefined;
  return Object.values(list.statuses).every(({ status }) => status === Serving);
}

function toFacts(
  status: raft.GetStatusResponse,
  sentMs: number,
  roundTripMs: number,
): ReplicaFacts {
  // Half of the round trip is the best guess of when the answer was made; it is wrong by as much at most (Cristian's algorithm).
  const clockErrorMs = roundTripMs / 2;
  const clockMs = status.wallClock === undefined ? undefined : toMilliseconds(status.wallClock);
  return {
    id: Number(status.id),
    clusterId: status.clusterId,
    role: ROLES[status.role] ?? 'unknown',
    standing: STANDINGS[status.standing] ?? 'unknown',
    term: Number(status.term),
    leaderId: Number(status.leaderId),
    lastIndex: Number(status.lastIndex),
    commitIndex: Number(status.commitIndex),
    appliedIndex: Number(status.appliedIndex),
    configurationIndex: Number(status.configurationIndex),
    isJoint: status.joint,
    isDiskFull: status.diskFull,
    members: status.members.map(({ id, address, voter }) => ({
      id: Number(id),
      peerAddress: address,
      isVoter: voter,
    })),
    version: status.version,
    runtime: status.runtime,
    clockOffsetMs: clockMs === undefined ? undefined : clockMs - (sentMs + clockErrorMs),
    clockErrorMs,
  };
}

async function observeGateway(address: string): Promise<GatewayObservation> {
  const checks = createClient(health.HealthService, address, { attemptsMax: 1 });
  try {
    const { statuses } = await checks.list({}, { timeoutMs: ANSWER_TIMEOUT_MS });
    const services = Object.entries(statuses)
      // The others are names of registered services, each of which serves some of these.
      .filter(([name]) => name.includes('.'))
      .map(([name, { status }]) => ({ name, isServing: status === Serving }))
      .toSorted((left, right) => (left.name < right.name ? -1 : 1));
    return {
      address,
      unreachable: undefined,
      isServing: statuses['']?.status === Serving,
      services,
    };
  } catch (error) {
    return {
      address,
      unreachable: describeSilence(error, ANSWER_TIMEOUT_MS),
      isServing: false,
      services: [],
    };
  } finally {
    checks.close();
  }
}

/** What /readyz gives as reasons; nothing when it cannot be asked, which GetStatus says better. */
function reasonsNotReady(httpAddress: string): Promise<readonly string[]> {
  return new Promise((resolve) => {
    const request = get(
      `http://${httpAddress}/readyz`,
      { timeout: ANSWER_TIMEOUT_MS },
      (response) => {
        let text = '';
        response.setEncoding('utf8');
        response.on('data', (chunk: string) => {
          text = (text + chunk).slice(0, READINESS_BYTES_MAX);
        });
        // Also when it ends too early.
        response.once('close', () => resolve(reasonsIn(text)));
      },
    );
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve([]));
  });
}

function reasonsIn(text: string): readonly string[] {
  try {
    const { reasons } = JSON.parse(text) as { readonly reasons?: readonly string[] };
    return reasons ?? [];
  } catch {
    return [];
  }
}
