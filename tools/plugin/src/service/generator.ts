import {
  formatFiles,
  generateFiles,
  type GeneratorCallback,
  readJson,
  runTasksInSerial,
  type Tree,
} from '@nx/devkit';
import { join } from 'node:path';
import { generateContracts, linkPackage } from '../after';
import { addProject } from '../edits/workspace';
import { newNames } from './new-names';
import { freePort } from './ports';
import { addToSuite, type NewService } from './suite';

/** Input of {@link serviceGenerator}. */
export interface ServiceInput {
  readonly name: string;
  readonly port?: number;
}

/**
 * A gRPC service like the greeter: its contract, its app, and its place in everything that goes by the list of apps. It keeps no state.
 *
 * @throws Refusal before anything is written.
 */
export default async function serviceGenerator(
  tree: Tree,
  input: ServiceInput,
): Promise<GeneratorCallback> {
  const names = newNames(tree, input.name);
  const { version } = readJson<{ version: string }>(tree, 'package.json');
  const service: NewService = {
    ...names,
    port: freePort(tree, input.port),
    grpcService: `${names.snake}.v1.${names.pascal}Service`,
    version,
  };
  generateFiles(tree, join(__dirname, 'files'), '.', { ...service });
  addProject(tree, `apps/${service.name}`);
  addToSuite(tree, service);
  await formatFiles(tree);
  return runTasksInSerial(
    linkPackage(tree.root, service.name, `apps/${service.name}`),
    generateContracts(tree.root),
  );
}
