import { raft } from '@raftway/contracts';
import { toMilliseconds } from '@raftway/service-kit';
import { table } from '../command/table';
import { ROLES, STANDINGS } from '../suite/raft-names';
import type { Answer } from './admin';

const TRANSITIONS: Partial<Record<raft.Transition, string>> = {
  [raft.Transition.JOINING]: 'joining',
  [raft.Transition.INCOMING]: 'incoming',
  [raft.Transition.OUTGOING]: 'outgoing',
  [raft.Transition.DEMOTED]: 'demoted',
};

/** The answers of all replicas for people: what each says of itself, and what the leader says of the members. */
export function describeStatuses(answers: readonly Answer[]): string {
  const replicas = table([
    [
      'SERVER',
      'ID',
      'PART',
      'ROLE',
      'TERM',
      'LEADER',
      'COMMITTED',
      'APPLIED',
      'SNAPSHOT',
      'PRIORITY',
    ],
    ...answers.map(({ server, status, error }) =>
      status === undefined ? [server, '-', error ?? ''] : [server, ...replicaCells(status)],
    ),
  ]);
  const leader = answers.find(({ status }) => status?.role === raft.Role.LEADER)?.status;
  return leader === undefined ? replicas : `${replicas}\n\n${describeMembers(leader)}`;
}

function replicaCells(status: raft.GetStatusResponse): string[] {
  const { id, standing, role, term, leaderId, commitIndex, appliedIndex, snapshotIndex } = status;
  const { priority = '-' } = status;
  return [
    String(id),
    STANDINGS[standing] ?? '-',
    ROLES[role] ?? '-',
    String(term),
    leaderId === 0n ? 'none' : String(leaderId),
    String(commitIndex),
    String(appliedIndex),
    String(snapshotIndex),
    String(priority),
  ];
}

function describeMembers(leader: raft.GetStatusResponse): string {
  const rows = leader.members.map((member) => [
    String(member.id),
    member.address,
    describePart(member),
    String(member.matchIndex),
    String(member.lagEntries),
    String(member.priority ?? '-'),
    member.id === leader.id ? '-' : `${milliseconds(member)} ms`,
  ]);
  const isDecided = leader.configurationIndex <= leader.commitIndex;
  const state = leader.joint
    ? 'changing: two majorities decide'
    : isDecided
      ? ''
      : 'not decided yet';
  const title = `Members since index ${leader.configurationIndex}${state === '' ? '' : `, ${state}`}`;
  return `${title}\n${table([['ID', 'PEER ADDRESS', 'PART', 'MATCH', 'LAG', 'PRIORITY', 'LAST HEARD'], ...rows])}`;
}

/** `voter`, `learner`, `voter (outgoing)`, … */
export function describePart({ voter, transition }: raft.Member): string {
  const part = voter ? 'voter' : 'learner';
  const between = TRANSITIONS[transition];
  return between === undefined ? part : `${part} (${between})`;
}

/** One line: `1 voter, 2 voter, 4 learner`. */
export function summarizeMembers(members: readonly raft.Member[]): string {
  return members.map((member) => `${member.id} ${describePart(member)}`).join(', ');
}

function milliseconds({ lastContact }: raft.Member): number {
  return lastContact === undefined ? 0 : Math.round(toMilliseconds(lastContact) ?? 0);
}
