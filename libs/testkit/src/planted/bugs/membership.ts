import type { SimulatedBug } from '../bug';

const CORE = 'libs/raft/src/core';

const MISTAKES: readonly SimulatedBug[] = [
  {
    name: 'joint-decided-by-the-new-voters',
    story: 'a joint configuration asks the voters after the change only',
    source: 'Raft §6, figure 11; scenario C4',
    changes: [
      {
        file: `${CORE}/membership.ts`,
        find: 'return isJoint(configuration) ? [after, before] : [after];',
        replace: 'return [after];',
      },
    ],
  },
  {
    name: 'joint-decided-by-the-union',
    story: 'a joint configuration asks a majority of all its voters together',
    source: 'Raft §6; dissertation §4.3; scenario C4',
    changes: [
      {
        file: `${CORE}/membership.ts`,
        find: 'return isJoint(configuration) ? [after, before] : [after];',
        replace: 'return [[...new Set([...after, ...before])]];',
      },
    ],
  },
  {
    name: 'configuration-waits-for-its-commit',
    story: 'a configuration is in force when it is committed, and not as soon as it is in the log',
    source: 'Raft §6; etcd #12359; scenario C6',
    changes: [
      {
        file: `${CORE}/configurations.ts`,
        find: `  private get newest(): Placed {
    return this.history.at(-1) ?? nobody;
  }`,
        replace: `  private committedIndex = 0;

  get appendedIndex(): LogIndex {
    return this.history.at(-1)?.index ?? 0;
  }

  committedTo(index: LogIndex): void {
    if (index === this.committedIndex) return;
    this.committedIndex = index;
    this.refresh();
  }

  private get newest(): Placed {
    const committed = this.history.findLast((item) => item.index <= this.committedIndex);
    return committed ?? this.history[0] ?? nobody;
  }`,
      },
      {
        file: `${CORE}/commitment.ts`,
        find: '  onCommitted(state);\n',
        replace:
          '  state.configurations.committedTo(state.log.commitIndex);\n  onCommitted(state);\n',
      },
      {
        file: `${CORE}/raft.ts`,
        find: '    this.state.log.check();\n',
        replace:
          '    this.state.configurations.committedTo(this.state.log.commitIndex);\n    this.state.log.check();\n',
      },
      {
        // Still one change at a time: that is a mistake of its own.
        file: `${CORE}/membership-change.ts`,
        find: 'if (configurations.currentIndex > log.commitIndex || configurations.isJoint) {',
        replace: 'if (configurations.appendedIndex > log.commitIndex || configurations.isJoint) {',
      },
    ],
  },
  {
    name: 'several-changes-at-a-time',
    story: 'a change of members is begun before the one before it is committed',
    source: 'dissertation §4.1',
    changes: [
      {
        file: `${CORE}/membership-change.ts`,
        find: 'if (configurations.currentIndex > log.commitIndex || configurations.isJoint) {',
        replace: 'if (configurations.isJoint) {',
      },
    ],
  },
  {
    name: 'cut-log-keeps-its-configuration',
    story: 'a follower whose log is cut goes on with the configuration that was cut off',
    source: 'dissertation §4.1; scenario C2',
    changes: [
      {
        file: `${CORE}/follower.ts`,
        find: '      state.configurations.truncateFrom(entry.index);\n',
        replace: '',
      },
    ],
  },
  {
    name: 'snapshot-has-the-newest-configuration',
    story: 'a snapshot names the newest configuration instead of the one at its index',
    source: 'dissertation §5.1; scenario C9',
    changes: [
      {
        file: `${CORE}/raft.ts`,
        find: 'return this.state.configurations.at(index);',
        replace: 'return index > 0 ? this.state.configurations.current : undefined;',
      },
    ],
  },
  {
    name: 'learners-count',
    story: 'what learners have on disk counts for a commit, too',
    source: 'dissertation §4.2.1',
    changes: [
      {
        file: `${CORE}/commitment.ts`,
        find: "import { jointQuorumValue } from './quorum';",
        replace: "import { quorumSize } from './quorum';",
      },
      {
        file: `${CORE}/commitment.ts`,
        find: 'const index = jointQuorumValue(state.configurations.majorities, (id) => matchIndexOf(state, id));',
        replace: `const learners = state.configurations.current.members.filter(({ voter }) => !voter).map(({ id }) => id);
  const reached = state.configurations.majorities.map((voters) => {
    const values = [...voters, ...learners].map((id) => matchIndexOf(state, id));
    return values.sort((left, right) => right - left)[quorumSize(voters.length) - 1] ?? 0;
  });
  const index = Math.min(...reached);`,
      },
    ],
  },
  {
    name: 'joint-never-left',
    story: 'nobody leaves a joint configuration once it is committed',
    source: 'Raft §6; scenario C5',
    changes: [
      {
        file: `${CORE}/membership-change.ts`,
        find: '    appendConfiguration(state, leaveJoint(configurations.current));\n',
        replace: '    void leaveJoint;\n',
      },
    ],
  },
  {
    name: 'two-voters-changed-directly',
    story: 'a change of two voters goes without a joint configuration',
    source: 'Raft §6, figure 10; dissertation §4.1',
    changes: [
      {
        file: `${CORE}/membership.ts`,
        find: 'if (incoming.length + leaving.length <= 1) return target;',
        replace: 'if (incoming.length + leaving.length <= 2) return target;',
      },
    ],
  },
  {
    name: 'removed-leader-counts-itself',
    story: 'a leader that is not among the new voters counts itself for their majority',
    source: 'dissertation §4.2.2; scenario C3',
    changes: [
      {
        file: `${CORE}/commitment.ts`,
        find: "import { jointQuorumValue } from './quorum';",
        replace: "import { quorumSize } from './quorum';",
      },
      {
        file: `${CORE}/commitment.ts`,
        find: 'const index = jointQuorumValue(state.configurations.majorities, (id) => matchIndexOf(state, id));',
        replace: `const reached = state.configurations.majorities.map((voters) => {
    const others = voters.filter((id) => id !== state.id).map((id) => matchIndexOf(state, id));
    const values = [state.log.stableIndex, ...others].sort((left, right) => right - left);
    return values[quorumSize(voters.length) - 1] ?? 0;
  });
  const index = Math.min(...reached);`,
      },
    ],
  },
  {
    name: 'removed-for-good',
    story:
      'a server that was removed once does not campaign any more, although it is a voter again',
    source: 'ADR 028; dissertation §4.2.2',
    changes: [
      {
        file: `${CORE}/configurations.ts`,
        find: '  private joint = false;\n',
        replace:
          '  private joint = false;\n  private readonly removedOnce = new Set<ServerId>();\n',
      },
      {
        file: `${CORE}/configurations.ts`,
        find: `    return this.since(commitIndex).some(({ members }) =>
      members.some((member) => member.id === id && member.voter),
    );`,
        replace: `    const named = this.since(commitIndex).flatMap(({ members }) => members).filter((member) => member.id === id);
    if (named.length === 0 && this.currentIndex > 0) this.removedOnce.add(id);
    return !this.removedOnce.has(id) && named.some(({ voter }) => voter);`,
      },
    ],
  },
  {
    name: 'change-before-own-commit',
    story: 'a new leader begins a change before it has committed an entry of its own term',
    source: 'Ongaro, raft-dev, 10 July 2015; scenario C1',
    changes: [
      {
        file: `${CORE}/membership-change.ts`,
        find: 'if (!state.hasCommittedInTerm()) {',
        replace: 'if (state.currentTerm === 0) {',
      },
    ],
  },
];

/** Mistakes in changes of members. */
export const MEMBERSHIP_BUGS: readonly SimulatedBug[] = MISTAKES.map((bug) => ({
  ...bug,
  changesMembers: true,
}));
