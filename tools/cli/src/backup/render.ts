import type { BackupSummary, GroupRestored } from '@raftway/raft';
import { table } from '../command/table';

/** A backup for programs. */
export function backupToJson(summary: BackupSummary): Record<string, unknown> {
  const { service, version, takenAtMs, snapshot, format, dataBytes, fileBytes, digest } = summary;
  const { lastIncludedIndex: index, lastIncludedTerm: term, stampMs, configuration } = snapshot;
  const { clusterId, members } = configuration;
  return {
    ...{ format, service, clusterId, index, term, logClockMs: stampMs },
    ...{ takenAt: isoTime(takenAtMs), version, dataBytes, fileBytes, sha256: digest, members },
  };
}

/** A backup for people: what it is of, of when, and how to know it again. */
export function describeBackup(file: string, summary: BackupSummary): string {
  const { service, version, takenAtMs, snapshot, format, dataBytes, fileBytes, digest } = summary;
  const { lastIncludedIndex: index, lastIncludedTerm: term, stampMs, configuration } = snapshot;
  const members = configuration.members.map(({ id, address }) => `${id} (${address})`);
  return table([
    ['file', `${file}, whole`],
    ['service', service],
    ['cluster', configuration.clusterId],
    ['taken', `${isoTime(takenAtMs)}, by release ${version}`],
    ['state', `index ${index} of term ${term}, log clock ${Math.round(stampMs)} ms`],
    ['members', members.join(', ')],
    ['size', `${fileBytes} bytes, ${dataBytes} of state, format ${format}`],
    ['sha256', digest],
  ]);
}

/** One line of a backup that was saved. */
export function describeSaved(server: string, file: string, summary: BackupSummary): string {
  const { lastIncludedIndex: index, lastIncludedTerm: term } = summary.snapshot;
  return `${summary.service}: index ${index} of term ${term}, ${summary.fileBytes} bytes, from ${server} in ${file}`;
}

/** What a restore has made, and what to do now. */
export function describeRestored(
  { backup, clusterId, index, members }: GroupRestored,
  directories: readonly string[],
): string {
  const rows = members.map(({ id, address }, at) => [String(id), address, directories[at] ?? '']);
  return [
    `${backup.service} is restored as cluster "${clusterId}", whose log goes on after index ${index}.`,
    table(rows, '  '),
    `It is as it was at ${isoTime(backup.takenAtMs)}: what was acknowledged later is not in it.`,
    'Start these replicas, and no replica of the group of before.',
  ].join('\n');
}

/** As ISO 8601 has it, in UTC. */
export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** The same without punctuation and milliseconds, for names: 20261129T165700Z. */
export function compactTime(ms: number): string {
  return isoTime(ms).replace(/\.\d+|[-:]/g, '');
}
