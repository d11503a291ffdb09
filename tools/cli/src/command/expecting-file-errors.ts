import { StorageError } from '@raftway/raft';
import { CommandError } from './command-error';
import { ExitCode } from './exit-code';

/**
 * Does work on files and data directories that somebody named. What is wrong with them, or what the operating system refuses, becomes a message.
 *
 * @throws CommandError `failed`; whatever else is thrown passes through.
 */
export async function expectingFileErrors<Value>(work: () => Promise<Value>): Promise<Value> {
  try {
    return await work();
  } catch (error) {
    const isOfSystem = typeof (error as NodeJS.ErrnoException).code === 'string';
    if (!(error instanceof StorageError) && !isOfSystem) throw error;
    throw new CommandError(ExitCode.failed, (error as Error).message, { cause: error });
  }
}
