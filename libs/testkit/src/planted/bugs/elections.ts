import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

/** Mistakes in elections and in what a server may promise. */
export const ELECTION_BUGS: readonly SimulatedBug[] = [
  {
    name: 'vote-not-persisted',
    story: 'a vote is sent before it is on disk',
    source: 'Raft figure 2; MIT 6.5840 Persist1',
    changes: [
      {
        file: `${CORE}/state.ts`,
        find: `    case 'requestVoteReply':
      return !message.preVote ||`,
        replace: `    case 'requestVoteReply':
      return`,
      },
    ],
  },
  {
    name: 'self-vote-counted-early',
    story: 'a candidate asks for votes, and counts its own, before that is on disk',
    source: 'scenario E5',
    changes: [
      {
        file: `${CORE}/election.ts`,
        find: 'if (state.log.durability.holds(state.currentTerm, state.id)) state.votes',
        replace: 'state.votes',
      },
      {
        file: `${CORE}/state.ts`,
        find: `    case 'requestVote':
    case 'requestVoteReply':`,
        replace: `    case 'requestVote':
      return false;
    case 'requestVoteReply':`,
      },
    ],
  },
  {
    name: 'two-votes-in-a-term',
    story: 'a server votes for whoever asks, also after it has voted in the term',
    source: 'Raft figure 2, RequestVote 2',
    changes: [
      {
        file: `${CORE}/election.ts`,
        find: 'const mayVote = state.votedFor === NO_SERVER || state.votedFor === message.from;',
        replace: 'const mayVote = true;',
      },
    ],
  },
  {
    name: 'short-log-elected',
    story: 'votes go to candidates whose log lacks entries',
    source: 'Raft §5.4.1; scenario E3',
    changes: [
      {
        file: `${CORE}/log.ts`,
        find: 'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);',
        replace: 'return lastTerm >= 0 && lastIndex >= 0;',
      },
    ],
  },
  {
    name: 'longer-log-beats-later-term',
    story: 'logs are compared by length before term',
    source: 'Raft §5.4.1',
    changes: [
      {
        file: `${CORE}/log.ts`,
        find: 'return lastTerm > this.lastTerm || (lastTerm === this.lastTerm && lastIndex >= this.lastIndex);',
        replace:
          'return lastIndex > this.lastIndex || (lastIndex === this.lastIndex && lastTerm >= this.lastTerm);',
      },
    ],
  },
  {
    name: 'votes-of-an-earlier-campaign',
    story: 'votes of the last campaign are still there in the next',
    source: 'Raft §5.2',
    changes: [
      {
        file: `${CORE}/roles.ts`,
        find: `  state.role = Role.follower;
  state.votes = new Map();`,
        replace: '  state.role = Role.follower;',
      },
    ],
  },
  {
    name: 'quorum-of-half',
    story: 'half of the servers count as a majority',
    source: 'Raft §5.2',
    changes: [
      {
        file: `${CORE}/quorum.ts`,
        find: 'return Math.floor(voters / 2) + 1;',
        replace: 'return Math.floor(voters / 2);',
      },
    ],
  },
  {
    name: 'quorum-sorted-as-text',
    story: 'match indexes are sorted as text, so that 9 is above 10',
    source: 'openraft #1802: the quorum of a list whose order was not what it seemed',
    changes: [
      {
        file: `${CORE}/quorum.ts`,
        find: 'values.sort((left, right) => right - left);',
        replace: 'values.sort().reverse();',
      },
    ],
  },
  {
    name: 'term-known-by-one',
    story: 'a server does not tell its newer term to a leader of an older one',
    source: 'etcd-io/raft: a server that is stuck in a higher term with PreVote and CheckQuorum on',
    changes: [
      {
        file: `${CORE}/receive.ts`,
        find: 'return late ? refuseLateLeader(state, message) : receiveFromLeader(state, message);',
        replace: 'return late ? undefined : receiveFromLeader(state, message);',
      },
    ],
  },
];
