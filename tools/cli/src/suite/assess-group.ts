import type {
  GroupObservation,
  MemberFacts,
  ReplicaFacts,
  ReplicaObservation,
} from './observation';
import type { Problem } from './problem';

/** A group in one word. */
export type GroupHealth = 'healthy' | 'degraded' | 'leaderless' | 'unreachable';

/** What the answers of a group's replicas mean together. */
export interface GroupAssessment {
  readonly name: string;
  readonly health: GroupHealth;
  readonly leader: ReplicaObservation | undefined;
  readonly term: number;
  /** Members that count, by the newest configuration that anybody has. */
  readonly voters: number;
  readonly votersAnswering: number;
  readonly replicas: readonly ReplicaAssessment[];
  readonly problems: readonly Problem[];
}

/** One replica, and how far it is behind. */
export interface ReplicaAssessment extends ReplicaObservation {
  /** Entries that the leader has committed and this replica has not applied; undefined without a leader. */
  readonly behind: number | undefined;
}

/** As many entries as a replica may be behind and still call itself healthy. */
const LAG_ENTRIES_MAX = 10_000;

/** Judges a group. Pure: the same answers mean the same. */
export function assessGroup(group: GroupObservation): GroupAssessment {
  const leader = findLeader(group.replicas);
  const answers = group.replicas.flatMap(({ facts }) => facts ?? []);
  const voters = votersOf(answers, group.replicas.length);
  const isAmong = (id: number): boolean => voters.ids === undefined || voters.ids.includes(id);
  const votersAnswering = answers.filter(({ id }) => isAmong(id)).length;
  const replicas = group.replicas.map((replica) => ({
    ...replica,
    behind: behindOf(replica.facts, leader?.facts),
  }));
  const seen = { name: group.name, leader, voters: voters.count, votersAnswering, replicas };
  const problems = [
    ...groupProblems(seen, answers),
    ...replicas.flatMap((one) => replicaProblems(one, seen)),
  ];
  return {
    ...seen,
    term: Math.max(0, ...answers.map(({ term }) => term)),
    health: healthOf(answers.length, leader, problems),
    problems,
  };
}

/** Of two that believe to lead, the one of the later term does. */
function findLeader(replicas: readonly ReplicaObservation[]): ReplicaObservation | undefined {
  return replicas
    .filter(({ facts }) => facts?.role === 'leader')
    .toSorted((left, right) => (right.facts?.term ?? 0) - (left.facts?.term ?? 0))[0];
}

interface Voters {
  readonly count: number;
  /** Undefined when nobody has said who they are. */
  readonly ids: readonly number[] | undefined;
}

function votersOf(answers: readonly ReplicaFacts[], targets: number): Voters {
  const newest = answers.toSorted(
    (left, right) => right.configurationIndex - left.configurationIndex,
  )[0];
  const voters = (newest?.members ?? []).filter(({ isVoter }: MemberFacts) => isVoter);
  if (voters.length === 0) return { count: targets, ids: undefined };
  return { count: voters.length, ids: voters.map(({ id }) => id) };
}

function behindOf(
  facts: ReplicaFacts | undefined,
  leader: ReplicaFacts | undefined,
): number | undefined {
  if (facts === undefined || leader === undefined) return undefined;
  return Math.max(0, leader.commitIndex - facts.appliedIndex);
}

function healthOf(
  answering: number,
  leader: ReplicaObservation | undefined,
  problems: readonly Problem[],
): GroupHealth {
  if (answering === 0) return 'unreachable';
  if (leader === undefined) return 'leaderless';
  return problems.some(({ severity }) => severity !== 'note') ? 'degraded' : 'healthy';
}

type Seen = Pick<GroupAssessment, 'name' | 'leader' | 'voters' | 'votersAnswering' | 'replicas'>;

function groupProblems(seen: Seen, answers: readonly ReplicaFacts[]): Problem[] {
  const { name, leader } = seen;
  if (answers.length === 0) {
    const fact = `none of its ${seen.replicas.length} replicas can be reached`;
    const remedy = 'Start them, or name the addresses under which they can be reached.';
    return [{ severity: 'error', subject: name, fact, remedy }];
  }
  const problems: Problem[] = [];
  if (leader === undefined) problems.push(leaderless(seen, answers));
  const clusters = new Set(answers.map(({ clusterId }) => clusterId));
  if (clusters.size > 1) {
    const fact = `its replicas belong to different clusters: ${[...clusters].join(', ')}`;
    const remedy =
      'Give all of them the same RAFTWAY_CLUSTER_ID and RAFTWAY_PEERS, or name other addresses.';
    problems.push({ severity: 'error', subject: name, fact, remedy });
  }
  if (answers.some(({ isJoint }) => isJoint)) {
    const fact = 'a change of its members is half done: two majorities have to agree';
    const remedy = 'It ends by itself while both majorities are up.';
    problems.push({ severity: 'note', subject: name, fact, remedy });
  }
  return problems;
}

function leaderless(seen: Seen, answers: readonly ReplicaFacts[]): Problem {
  const { name, voters, votersAnswering } = seen;
  const needed = Math.floor(voters / 2) + 1;
  const refused = 'no write and no linearizable read succeeds until there is one';
  const shared = { severity: 'error', subject: name } as const;
  if (votersAnswering < needed) {
    return {
      ...shared,
      fact: `it has no leader: ${votersAnswering} of ${voters} voters ${verb(votersAnswering)}, ${needed} are needed; ${refused}`,
      remedy:
        'Start the missing replicas with their data directories; nothing is lost. If their disks are gone for good, see docs/operating/quorum-loss.md.',
    };
  }
  const full = answers.filter(({ isDiskFull }) => isDiskFull).length;
  if (voters - full < needed) {
    return {
      ...shared,
      fact: `it has no leader: the disks of ${full} of ${voters} voters are full; ${refused}`,
      remedy: 'Make room on them. The replicas go on by themselves, and nothing is lost.',
    };
  }
  return {
    ...shared,
    fact: `it has no leader, though ${votersAnswering} of ${voters} voters ${verb(votersAnswering)}; ${refused}`,
    remedy:
      'An election takes a second at most: look again. If it stays so, the replicas do not reach each other: check their peer addresses and their logs.',
  };
}

function verb(count: number): string {
  return count === 1 ? 'answers' : 'answer';
}

function replicaProblems(replica: ReplicaAssessment, seen: Seen): Problem[] {
  const subject = replica.name;
  const { facts } = replica;
  if (facts === undefined) return unreachableProblem(replica, seen);
  const problems: Problem[] = [];
  if (facts.isDiskFull) {
    const fact = 'its disk is full: it acknowledges nothing';
    const remedy = 'Make room on the disk of its data directory; it goes on by itself.';
    problems.push({ severity: 'error', subject, fact, remedy });
  }
  if (facts.standing === 'removed') {
    const fact = 'it is no member of its group any more';
    const remedy = 'Stop it. Its data directory is of no use to the group.';
    problems.push({ severity: 'warning', subject, fact, remedy });
  } else if (facts.standing === 'waiting') {
    const fact = 'it waits for its group to take it in';
    const remedy = `Add it: raftway raft add ${facts.id} <its peer address> --server <the leader>.`;
    problems.push({ severity: 'warning', subject, fact, remedy });
  } else if (isUnhealthy(replica, seen)) {
    const why = replica.notReady.length > 0 ? `: ${replica.notReady.join('; ')}` : '';
    const fact = `it answers, and says that it is not serving${why}`;
    problems.push({ severity: 'error', subject, fact, remedy: 'Look at its log.' });
  }
  if ((replica.behind ?? 0) > LAG_ENTRIES_MAX) {
    const fact = `it is ${replica.behind} entries behind the leader`;
    const remedy =
      'It is catching up, or too slow: look at its disk and at the link to the leader.';
    problems.push({ severity: 'warning', subject, fact, remedy });
  }
  return problems;
}

/** Without a leader nobody serves, which is said once for the group; a full disk says why, too. */
function isUnhealthy(replica: ReplicaAssessment, seen: Seen): boolean {
  const isExplained = seen.leader === undefined || replica.facts?.isDiskFull === true;
  return replica.notReady.length > 0 || (replica.isServing === false && !isExplained);
}

function unreachableProblem(replica: ReplicaAssessment, seen: Seen): Problem[] {
  // Said once for the group.
  if (seen.replicas.every(({ facts }) => facts === undefined)) return [];
  const spare = seen.votersAnswering - (Math.floor(seen.voters / 2) + 1);
  const consequence =
    seen.leader === undefined
      ? ''
      : spare <= 0
        ? '; the group works, and stops when one more fails'
        : `; the group works, and would with ${spare} fewer`;
  const fact = `it cannot be reached at ${replica.address} (${replica.unreachable ?? 'no answer'})${consequence}`;
  const remedy = 'Start it again with its data directory, or look at why it does not answer.';
  const severity = seen.leader === undefined ? 'error' : 'warning';
  return [{ severity, subject: replica.name, fact, remedy }];
}
