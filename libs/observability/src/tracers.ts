/** Every tracer, and what it says. A name with a dot is a part of the one before the dot, and is on when that is. */
export const TRACERS: Readonly<Record<string, string>> = {
  all: 'everything below',
  grpc: 'what grpc-js reports',
  raft: 'members and links of this replica, and every part of Raft below',
  'raft.election': 'campaigns with their cause, votes, transfers, lost leadership with its cause',
  'raft.heartbeat': 'heartbeats and their answers',
  'raft.proposal': 'proposals that are passed on to the leader, and what it answers',
  'raft.read': 'read indexes that are asked of the leader',
  'raft.replication': 'appended entries and their answers',
  'raft.snapshot': 'snapshots that are offered to this replica, and its answers',
  'raft.storage': 'batches that became durable, with the time that took',
};

/** The names in RAFTWAY_TRACE, a comma-separated list. */
export function parseTraceNames(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}

/** Whether a tracer is on when these are named. */
export function isTraced(name: string, traced: ReadonlySet<string>): boolean {
  if (traced.has('all') || traced.has(name)) return true;
  const dot = name.lastIndexOf('.');
  return dot > 0 && isTraced(name.slice(0, dot), traced);
}
