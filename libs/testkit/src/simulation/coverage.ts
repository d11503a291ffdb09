/** What a run has exercised. A run that met no faults proves nothing, so the minima are checked like everything else. */
export interface Coverage {
  steps: number;
  faults: number;
  crashes: number;
  powerCuts: number;
  pagesDropped: number;
  pagesTorn: number;
  writesReordered: number;
  bitsFlipped: number;
  syncFailures: number;
  diskFull: number;
  diskHangs: number;
  /** Starts that were refused because the log was damaged before its end. */
  damageRefused: number;
  /** Starts of a process that read its disk to the end. */
  recoveries: number;
  /** Of these, with the end of the log lost although it may have been acknowledged. */
  suspectTails: number;
  /** Servers that were suspect and came to be trusted again. */
  readmissions: number;
  pauses: number;
  partitions: number;
  /** Runs that had to work with a fault that stays. */
  lastingFaults: number;
  clogs: number;
  messages: number;
  entriesSent: number;
  drops: number;
  duplicates: number;
  elections: number;
  snapshotsTaken: number;
  snapshotsInstalled: number;
  /** Pieces of snapshots on their way, repeated ones too. */
  chunksSent: number;
  /** Attempts to send a snapshot that went on where an earlier one had ended. */
  transfersResumed: number;
  /** Pieces that did not fit and changed nothing. */
  chunksRefused: number;
  transfers: number;
  /** Runs in which servers differ in priority. */
  priorityRuns: number;
  /** Leaders that began to hand over to a server of higher priority. */
  priorityHandOvers: number;
  commits: number;
  acknowledged: number;
  unknownOutcomes: number;
  /** Of commands with a request id. */
  retries: number;
  /** Entries that only let time pass, for sessions to end. */
  expiries: number;
  refused: number;
  reads: number;
  readsRefused: number;
  /** States whose age was known when they were looked at. */
  agesKnown: number;
  /** Calls of which an order was looked for. */
  callsJudged: number;
  /** Registers for whose calls that took too long. */
  registersUndecided: number;
  /** Of the members: changes that the operator asked for and a server refused. */
  changesRefused: number;
  configurationsCommitted: number;
  jointEntered: number;
  jointLeft: number;
  learnersPromoted: number;
  /** Servers that were members again after they had been removed, with the disk that they had. */
  membersReturned: number;
  /** Configurations that were committed by a leader that is no voter in them. */
  leadersRemoved: number;
}

/** Nothing has happened yet. */
export function emptyCoverage(): Coverage {
  return {
    steps: 0,
    faults: 0,
    crashes: 0,
    powerCuts: 0,
    pagesDropped: 0,
    pagesTorn: 0,
    writesReordered: 0,
    bitsFlipped: 0,
    syncFailures: 0,
    diskFull: 0,
    diskHangs: 0,
    damageRefused: 0,
    recoveries: 0,
    suspectTails: 0,
    readmissions: 0,
    pauses: 0,
    partitions: 0,
    lastingFaults: 0,
    clogs: 0,
    messages: 0,
    entriesSent: 0,
    drops: 0,
    duplicates: 0,
    elections: 0,
    snapshotsTaken: 0,
    snapshotsInstalled: 0,
    chunksSent: 0,
    transfersResumed: 0,
    chunksRefused: 0,
    transfers: 0,
    priorityRuns: 0,
    priorityHandOvers: 0,
    commits: 0,
    acknowledged: 0,
    unknownOutcomes: 0,
    retries: 0,
    expiries: 0,
    refused: 0,
    reads: 0,
    readsRefused: 0,
    agesKnown: 0,
    callsJudged: 0,
    registersUndecided: 0,
    changesRefused: 0,
    configurationsCommitted: 0,
    jointEntered: 0,
    jointLeft: 0,
    learnersPromoted: 0,
    membersReturned: 0,
    leadersRemoved: 0,
  };
}

/** Adds `run` to `total`. */
export function addCoverage(total: Coverage, run: Coverage): void {
  for (const name of Object.keys(total) as (keyof Coverage)[]) total[name] += run[name];
}

/** One line for people. */
export function describeCoverage(coverage: Coverage): string {
  return Object.entries(coverage)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
