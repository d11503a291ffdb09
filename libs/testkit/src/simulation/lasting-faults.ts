import type { SeededRandom } from '../random';
import type { SimulatedNetwork } from './network';
import type { SimulatedServer } from './server';

/**
 * Faults that stay, and with which a group must work all the same: a majority can talk.
 *
 * - `oneLink`: the leader and one follower do not hear each other, everybody else does (Cloudflare, 2 November 2020).
 * - `chain`: of five servers the leader is down, and the others stand in a chain (Howard and Abraham, December 2020: 4-2-3-5). Needs PreVote and CheckQuorum.
 * - `sendsOnly`, `hearsOnly`: the leader is not heard, or hears nobody.
 * - `hungDisk`, `frozen`, `down`: the leader's disk, process or machine does not answer.
 * - `followerSendsOnly`: the same as sendsOnly for a follower, which keeps asking for votes.
 */
export const LASTING_FAULTS = [
  'oneLink',
  'chain',
  'sendsOnly',
  'hearsOnly',
  'hungDisk',
  'frozen',
  'down',
  'followerSendsOnly',
] as const;

export type LastingFault = (typeof LASTING_FAULTS)[number];

/** Does it to a group that is whole. @returns what was done, in words. */
export function inflictLasting(
  fault: LastingFault,
  random: SeededRandom,
  servers: readonly SimulatedServer[],
  network: SimulatedNetwork,
): string {
  const leader = servers.find(({ raft }) => raft?.role === 'leader') ?? random.pick(servers);
  const others = servers.filter((server) => server !== leader);
  const follower = random.pick(others);
  const isolate = (victim: SimulatedServer, way: 'sends' | 'hears'): void => {
    for (const { id } of servers) {
      if (id === victim.id) continue;
      if (way === 'sends') network.cutLink(id, victim.id);
      else network.cutLink(victim.id, id);
    }
  };
  switch (fault) {
    case 'oneLink':
      cutBothWays(network, leader, follower);
      return `link between leader ${leader.id} and server ${follower.id} cut`;
    case 'chain':
      return standInChain(others, leader, network);
    case 'sendsOnly':
      isolate(leader, 'sends');
      break;
    case 'hearsOnly':
      isolate(leader, 'hears');
      break;
    case 'followerSendsOnly':
      isolate(follower, 'sends');
      return `server ${follower.id} hears nobody`;
    case 'hungDisk':
      leader.disk.files.hang();
      break;
    case 'frozen':
      leader.freeze();
      break;
    case 'down':
      leader.crash(false);
      break;
  }
  return `${fault}: leader ${leader.id}`;
}

function standInChain(
  chain: readonly SimulatedServer[],
  leader: SimulatedServer,
  network: SimulatedNetwork,
): string {
  // With three servers a majority needs the leader: it stands at the end.
  const line = chain.length > 2 ? chain : [leader, ...chain];
  if (!line.includes(leader)) leader.crash(false);
  line.forEach((one, place) => {
    for (const other of line.slice(place + 2)) cutBothWays(network, one, other);
  });
  return `chain ${line.map(({ id }) => id).join('-')}`;
}

function cutBothWays(
  network: SimulatedNetwork,
  one: SimulatedServer,
  other: SimulatedServer,
): void {
  network.cutLink(one.id, other.id);
  network.cutLink(other.id, one.id);
}
