import { readdir, readFile, stat } from 'node:fs/promises';
import { extname, join } from 'node:path';
import { type gateway } from '@raftway/contracts';
import { CommandError } from '../command/command-error';
import { ExitCode } from '../command/exit-code';
import { expectingFileErrors } from '../command/expecting-file-errors';

const extensions: readonly string[] = ['.yaml', '.yml', '.json'];

/**
 * The documents of files, and of the files of directories.
 * @throws CommandError `failed` when one cannot be read, or a directory has none.
 */
export function readDocuments(paths: readonly string[]): Promise<gateway.DocumentFile[]> {
  return expectingFileErrors(async () => {
    const files: gateway.DocumentFile[] = [];
    for (const path of paths)
      for (const file of await filesOf(path))
        files.push({ path: file, text: await readFile(file, 'utf8') });
    return files;
  });
}

async function filesOf(path: string): Promise<readonly string[]> {
  if (!(await stat(path)).isDirectory()) return [path];
  const names = (await readdir(path)).filter(
    (name) => !name.startsWith('.') && extensions.includes(extname(name)),
  );
  if (names.length === 0)
    throw new CommandError(ExitCode.failed, `${path} has no file of ${extensions.join(', ')}`);
  return names.sort().map((name) => join(path, name));
}
