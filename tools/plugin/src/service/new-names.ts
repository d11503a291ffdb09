import type { Tree } from '@nx/devkit';
import { hasProject } from '../edits/workspace';
import { type Names, namesOf } from '../names';
import { Refusal } from '../refusal';

/** The names of a service that is not there yet. @throws Refusal */
export function newNames(tree: Tree, name: string): Names {
  if (name.endsWith('-service')) {
    throw new Refusal(
      `"${name}" would become a service Service in its proto: leave "-service" away.`,
    );
  }
  const names = namesOf(name);
  if (hasProject(tree, name)) {
    throw new Refusal(`@raftway/${name} exists: choose another name, or add a method to it.`);
  }
  const places = [`apps/${name}`, `protos/${names.snake}`, `k8s/base/${name}`];
  const taken = places.find((place) => tree.exists(place));
  if (taken !== undefined) {
    throw new Refusal(`${taken} exists: choose another name, or remove it first.`);
  }
  const contracts = tree.read('libs/contracts/src/index.ts', 'utf8') ?? '';
  if (new RegExp(`\\bas ${names.camel}\\b`).test(contracts)) {
    throw new Refusal(
      `@raftway/contracts has a contract named ${names.camel}: choose another name.`,
    );
  }
  return names;
}
