import { type ChannelCredentials } from '@grpc/grpc-js';
import { ForeignClient } from './foreign-client';
import { eventually } from './eventually';
import type { RunningProcess, Suite } from './suite';

/** The replica that leads a Raft group, as a majority of its living replicas says. */
export async function leaderOf(
  suite: Suite,
  service: string,
  credentials?: ChannelCredentials,
): Promise<RunningProcess> {
  const replicas = suite.instances(service);
  let leader: RunningProcess | undefined;
  await eventually(`${service} has a leader`, 10_000, async () => {
    const roles = await Promise.all(replicas.map((replica) => roleOf(replica, credentials)));
    leader = replicas[roles.indexOf('ROLE_LEADER')];
    return leader !== undefined;
  });
  if (leader === undefined) throw new Error(`${service} has no leader`);
  return leader;
}

async function roleOf(
  { address }: RunningProcess,
  credentials?: ChannelCredentials,
): Promise<string> {
  const client = new ForeignClient(address, 'raftway.raft.v1.RaftAdminService', credentials);
  try {
    return String((await client.call('GetStatus', {}, 1_000))['role']);
  } catch {
    return 'unreachable';
  } finally {
    client.close();
  }
}
