import { randomUUID } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Code, ServiceError } from '@raftway/errors';
import { raft } from '@raftway/contracts';
import { BackupDecoder, type BackupSummary, DecodeError } from '@raftway/raft';
import { createClient } from '@raftway/service-kit';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';

/** Whose backup to save, and where. */
export interface SaveRequest {
  /** Client addresses of replicas of one group; the next is asked when one cannot be reached. */
  readonly servers: readonly string[];
  /** The file; it must not be there yet. */
  readonly file: string;
  /** Refuses the backup of another service. */
  readonly service: string | undefined;
  readonly timeoutMs: number;
  /** Told now and then how much has come, in bytes. */
  readonly onProgress: (server: string, bytes: number) => void;
}

export interface Saved {
  readonly summary: BackupSummary;
  readonly file: string;
  /** Which replica it is of. */
  readonly server: string;
}

const PROGRESS_INTERVAL_MS = 2000;

/**
 * Saves a backup: into a file of another name first, checked as it comes, synced, then renamed. A failure leaves nothing.
 *
 * @throws ServiceError when no replica can be reached, or the last one refuses; CommandError `failed` for the file, or a backup of another service.
 */
export async function saveBackup(request: SaveRequest): Promise<Saved> {
  const { servers, file } = request;
  await refuseExisting(file);
  let unreachable: unknown;
  for (const server of servers) {
    try {
      return { file, server, summary: await saveFrom(server, request) };
    } catch (error) {
      if (!(error instanceof ServiceError) || error.code !== Code.unavailable) throw error;
      unreachable = error;
    }
  }
  throw unreachable;
}

async function saveFrom(server: string, request: SaveRequest): Promise<BackupSummary> {
  const { file, timeoutMs } = request;
  // Of this attempt alone: another backup may be written for the same name just now.
  const part = `${file}.${randomUUID()}.part`;
  const client = createClient(raft.RaftAdminServiceService, server, { attemptsMax: 1 });
  try {
    const stream = client.streamBackup({}, { timeoutMs });
    const summary = await writeChecked(stream, server, part, request);
    await refuseExisting(file);
    await onDisk(file, async () => {
      await rename(part, file);
      await syncDirectory(dirname(file));
    });
    return summary;
  } catch (error) {
    await rm(part, { force: true });
    const isUnknown = error instanceof ServiceError && error.code === Code.unimplemented;
    throw isUnknown ? withoutBackups(server, error) : error;
  } finally {
    client.close();
  }
}

function withoutBackups(server: string, cause: ServiceError): CommandError {
  const text =
    `${server} gives no backups: it is no replica of a Raft group, its locks are in Redis, or its release is older than this command. ` +
    'Name another server, back up Redis by its own means, or upgrade';
  return new CommandError(ExitCode.failed, text, { cause });
}

async function writeChecked(
  stream: AsyncIterable<raft.StreamBackupResponse>,
  server: string,
  part: string,
  { file, service, onProgress }: SaveRequest,
): Promise<BackupSummary> {
  const decoder = new BackupDecoder();
  const handle = await onDisk(file, () => open(part, 'wx', 0o600));
  try {
    let bytes = 0;
    let toldMs = performance.now();
    for await (const { data } of stream) {
      checked(server, () => decoder.push(data));
      refuseOther(decoder.description?.service, service, server);
      await onDisk(file, () => handle.appendFile(data));
      bytes += data.length;
      if (performance.now() - toldMs < PROGRESS_INTERVAL_MS) continue;
      toldMs = performance.now();
      onProgress(server, bytes);
    }
    const summary = checked(server, () => decoder.finish());
    await onDisk(file, () => handle.sync());
    return summary;
  } finally {
    await handle.close();
  }
}

function refuseOther(found: string | undefined, wanted: string | undefined, server: string): void {
  if (found === undefined || wanted === undefined || found === wanted) return;
  const fact = `${server} is a replica of ${found}, not of ${wanted}`;
  throw new CommandError(ExitCode.failed, `${fact}: name a replica of ${wanted} with --server`);
}

function checked<Value>(server: string, work: () => Value): Value {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    const text = `what ${server} sent is no good: ${error.message}`;
    throw new CommandError(ExitCode.failed, text, { cause: error });
  }
}

/** What the operating system refuses, for whoever named the file. */
async function onDisk<Value>(file: string, work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (typeof code !== 'string') throw error;
    const fact = code === 'ENOSPC' ? 'the disk is full' : message;
    const text = `writing ${file} failed: ${fact}. Nothing of it was kept`;
    throw new CommandError(ExitCode.failed, text, { cause: error });
  }
}

async function refuseExisting(file: string): Promise<void> {
  const isThere = await stat(file).then(
    () => true,
    () => false,
  );
  if (!isThere) return;
  throw new CommandError(ExitCode.failed, `${file} is there already: name another file`);
}

async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
