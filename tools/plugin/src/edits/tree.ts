import type { Tree } from '@nx/devkit';

/** Changes the text of a file that has to be there. @throws Error naming the file, also when its text is not what `edit` looks for. */
export function editFile(tree: Tree, path: string, edit: (text: string) => string): void {
  const text = tree.read(path, 'utf8');
  if (text === null) throw new Error(`${path} is missing`);
  try {
    tree.write(path, edit(text));
  } catch (error) {
    throw new Error(`${path} cannot be extended: ${String(error)}`, { cause: error });
  }
}
