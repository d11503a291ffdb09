import type {
  GroupObservation,
  MemberFacts,
  ReplicaFacts,
  ReplicaObservation,
} from './observation';
import type { Problem } from './problem';

/** A group in one word. */
export type GroupHealth = 'healthy' | 'degraded' | 'stalled' | 'leaderless' | 'unreachable';

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
const REFUSED = 'no write and no linearizable read succeeds until there is one';

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
    health: healthOf(answers, seen, problems),
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
  const voters = (newestOf(answers)?.members ?? []).filter(({ isVoter }: MemberFacts) => isVoter);
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
  answers: readonly ReplicaFacts[],
  seen: Seen,
  problems: readonly Problem[],
): GroupHealth {
  if (answers.length === 0) return 'unreachable';
  if (seen.leader === undefined) return 'leaderless';
  if (isStalled(answers, seen)) return 'stalled';
  return problems.some(({ severity }) => severity !== 'note') ? 'degraded' : 'healthy';
}

/** Too many disks are full for a majority to have anything on disk. */
function isStalled(answers: readonly ReplicaFacts[], { voters }: Seen): boolean {
  return voters - fullDisks(answers) < majorityOf(voters);
}

function fullDisks(answers: readonly ReplicaFacts[]): number {
  return answers.filter(({ isDiskFull }) => isDiskFull).length;
}

function majorityOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
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
  else if (isStalled(answers, seen)) problems.push(stalled(seen, answers));
  const clusters = new Set(answers.map(({ clusterId }) => clusterId));
  if (clusters.size > 1) {
    const fact = `its replicas belong to different clusters: ${[...clusters].join(', ')}`;
    const remedy =
      'Give all of them the same RAFTWAY_CLUSTER_ID and RAFTWAY_PEERS, or name other addresses.';
    problems.push({ severity: 'error', subject: name, fact, remedy });
  }
  problems.push(...unknownMembers(seen, answers));
  if (answers.some(({ isJoint }) => isJoint)) {
    const fact = 'a change of its members is half done: two majorities have to agree';
    const remedy = 'It ends by itself while both majorities are up.';
    problems.push({ severity: 'note', subject: name, fact, remedy });
  }
  return problems;
}

/** Members that nobody could be asked about, because only their peer addresses are known. */
function unknownMembers({ name, replicas }: Seen, answers: readonly ReplicaFacts[]): Problem[] {
  const { members = [] } = newestOf(answers) ?? {};
  if (members.length <= replicas.length) return [];
  const silent = members.filter(({ id }) => !answers.some((answer) => answer.id === id));
  const named = silent.map(({ id, peerAddress }) => `${id} (peer address ${peerAddress})`);
  const fact = `it has ${members.length} members, and ${replicas.length} addresses are known here; silent are ${named.join(', ')}`;
  const remedy = `Name all of them: --group ${name}=host:port,….`;
  return [{ severity: 'note', subject: name, fact, remedy }];
}

/** The answer with the newest configuration. */
function newestOf(answers: readonly ReplicaFacts[]): ReplicaFacts | undefined {
  return answers.toSorted((left, right) => right.configurationIndex - left.configurationIndex)[0];
}

function leaderless(seen: Seen, answers: readonly ReplicaFacts[]): Problem {
  const { name, voters, votersAnswering } = seen;
  const needed = majorityOf(voters);
  const shared = { severity: 'error', subject: name } as const;
  if (votersAnswering < needed) {
    return {
      ...shared,
      fact: `it has no leader: ${votersAnswering} of ${voters} voters ${verb(votersAnswering)}, ${needed} are needed; ${REFUSED}`,
      remedy:
        'Start the missing replicas with their data directories; nothing is lost. If their disks are gone for good, see docs/operating/quorum-loss.md.',
    };
  }
  if (isStalled(answers, seen)) return stalled(seen, answers);
  return {
    ...shared,
    fact: `it has no leader, though ${votersAnswering} of ${voters} voters ${verb(votersAnswering)}; ${REFUSED}`,
    remedy:
      'An election takes a second at most: look again. If it stays so, the replicas do not reach each other: check their peer addresses and their logs.',
  };
}

function stalled({ name, leader, voters }: Seen, answers: readonly ReplicaFacts[]): Problem {
  const full = `the disks of ${fullDisks(answers)} of ${voters} voters are full`;
  return {
    severity: 'error',
    subject: name,
    fact:
      leader === undefined
        ? `it has no leader: ${full}; ${REFUSED}`
        : `it acknowledges nothing: ${full}; no write succeeds until there is room`,
    remedy: 'Make room on them. The replicas go on by themselves, and nothing is lost.',
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
  const spare = seen.votersAnswering - majorityOf(seen.voters);
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
