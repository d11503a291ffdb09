import { formatFiles, generateFiles, type GeneratorCallback, type Tree } from '@nx/devkit';
import { join } from 'node:path';
import { linkPackage } from '../after';
import { addProject, hasProject } from '../edits/workspace';
import { namesOf } from '../names';
import { Refusal } from '../refusal';

/** Input of {@link libGenerator}. */
export interface LibInput {
  readonly name: string;
  /** @default 'core' */
  readonly tag?: 'core' | 'adapter' | 'kit';
}

/** A library with one function, its spec and its README. @throws Refusal before anything is written. */
export default async function libGenerator(
  tree: Tree,
  { name, tag = 'core' }: LibInput,
): Promise<GeneratorCallback> {
  const names = namesOf(name);
  const directory = `libs/${name}`;
  if (hasProject(tree, name) || tree.exists(directory)) {
    throw new Refusal(`@raftway/${name} exists: choose another name.`);
  }
  generateFiles(tree, join(__dirname, 'files'), directory, { ...names, tag });
  addProject(tree, directory);
  await formatFiles(tree);
  return linkPackage(tree.root, name, directory);
}
