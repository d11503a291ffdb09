import { type Member, Transition } from '../core';
import { RaftError } from '../errors';
import type { CallOptions, MembersChanged, NewServer, RaftStatus } from '../raft-node';
import type { Driver } from './driver';
import { waitForStatus } from './wait-for-status';

/** A big state takes a while to be sent. */
const ADD_TIMEOUT_MS = 60_000;

/** See RaftNode.addServer. */
export async function addServer<Result>(
  driver: Driver<Result>,
  server: NewServer,
  options: CallOptions,
): Promise<MembersChanged> {
  const { id, address } = server;
  const promote = server.voter ?? true;
  const timeoutMs = options.timeoutMs ?? ADD_TIMEOUT_MS;
  const deadlineMs = performance.now() + timeoutMs;
  const known = driver.status().members.find((member) => member.id === id);
  const isThere = known?.address === address && (isAsWanted(known, promote) || isOnItsWay(known));
  if (!isThere || driver.raft.role !== 'leader') {
    const addition = { type: 'add', id, address, promote } as const;
    const added = await driver.membership.change([addition], { ...options, timeoutMs });
    if (!promote) return added;
  }
  const status = await waitForStatus(
    driver,
    ({ members, configurationIndex, commitIndex, joint }) => {
      const member = members.find((one) => one.id === id);
      const isDecided = configurationIndex <= commitIndex && !joint;
      return isDecided && (member === undefined || isAsWanted(member, promote));
    },
    Math.max(0, deadlineMs - performance.now()),
    options.signal,
  );
  return settled(status ?? driver.status(), id, promote);
}

function settled(status: RaftStatus, id: number, promote: boolean): MembersChanged {
  const { members, configurationIndex, lastIndex } = status;
  const member = members.find((one) => one.id === id);
  if (member === undefined) {
    throw new RaftError('invalidChange', `server ${id} was removed while it was being added`);
  }
  if (!isAsWanted(member, promote)) {
    throw new RaftError(
      'notCaughtUp',
      `server ${id} is a learner and at ${member.matchIndex} of ${lastIndex}; it becomes a voter once it has caught up`,
    );
  }
  return { index: configurationIndex, members: members.map(plain) };
}

function isAsWanted({ voter, transition }: Member, promote: boolean): boolean {
  return voter === promote && transition === undefined;
}

function isOnItsWay({ transition }: Member): boolean {
  return transition === Transition.joining || transition === Transition.incoming;
}

function plain({ id, address, voter, transition }: Member): Member {
  return transition === undefined ? { id, address, voter } : { id, address, voter, transition };
}
