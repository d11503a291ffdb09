import { readJson, type Tree } from '@nx/devkit';
import { type Names, namesOf } from '../names';
import { Refusal } from '../refusal';

/** A service that takes another method. */
export interface FoundService {
  /** What `@raftway/contracts` exports. */
  readonly contract: string;
  readonly pascal: string;
  readonly grpcService: string;
  readonly proto: string;
  /** The file that has its handlers. */
  readonly code: string;
}

/** @throws Refusal for a service that is not there, or was not made by the generator. */
export function findService(tree: Tree, name: string): FoundService {
  const apps = readJson<Record<string, { grpcServices: string[] }>>(tree, 'apps/apps.json');
  if (!Object.hasOwn(apps, name)) {
    const known = Object.keys(apps).join(', ');
    throw new Refusal(
      `there is no service "${name}", only ${known}: npm run add -- service ${name}`,
    );
  }
  const names: Names = namesOf(name);
  const found = {
    contract: names.camel,
    pascal: names.pascal,
    grpcService: `${names.snake}.v1.${names.pascal}Service`,
    proto: `protos/${names.snake}/v1/${names.snake}.proto`,
    code: `apps/${name}/src/service/${name}-service.ts`,
  };
  const parts = [found.proto, found.code, `apps/${name}/test/start-${name}.ts`];
  const missing = parts.find((part) => !tree.exists(part));
  if (missing !== undefined) {
    throw new Refusal(
      `${name} is not laid out as the generator lays a service out (it has no ${missing}): add the method by hand, see CONTRIBUTING.md.`,
    );
  }
  return found;
}
