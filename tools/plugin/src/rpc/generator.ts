import { formatFiles, generateFiles, type GeneratorCallback, type Tree } from '@nx/devkit';
import { join } from 'node:path';
import { generateContracts } from '../after';
import { addCall } from '../edits/calls';
import { appendTableRow } from '../edits/markdown';
import { insertAfterLast } from '../edits/text';
import { editFile } from '../edits/tree';
import { hyphenated, methodNamed } from '../names';
import { Refusal } from '../refusal';
import { appendHandler } from './handlers';
import { findService } from './find-service';
import { appendRpc } from './proto';
import { STREAMS, type StreamKind } from './streams';

/** Input of {@link rpcGenerator}. */
export interface RpcInput {
  readonly service: string;
  readonly method: string;
  /** @default 'none' */
  readonly stream?: StreamKind;
}

/**
 * One more method of a service: in its proto, its code, its spec, its README and among the calls of `apps/e2e`. Like Echo it answers with the
 * text that it gets: what it is really for is then written in place of that.
 *
 * @throws Refusal before anything is written.
 */
export default async function rpcGenerator(
  tree: Tree,
  { service: name, method: wanted, stream = 'none' }: RpcInput,
): Promise<GeneratorCallback> {
  const { method, camel } = methodNamed(wanted);
  const service = findService(tree, name);
  const proto = tree.read(service.proto, 'utf8') ?? '';
  const clash = ['', 'Request', 'Response'].find((suffix) =>
    new RegExp(`\\b(rpc|message) ${method}${suffix}\\b`).test(proto),
  );
  if (clash !== undefined) {
    throw new Refusal(`${service.proto} has a ${method}${clash}: choose another name.`);
  }
  const fileName = hyphenated(method);
  const spec = `apps/${name}/src/service/${fileName}.spec.ts`;
  if (tree.exists(spec)) throw new Refusal(`${spec} exists: choose another name, or remove it.`);

  const kind = STREAMS[stream];
  editFile(tree, service.proto, (text) => appendRpc(text, method, kind));
  editFile(tree, service.code, (text) => appendHandler(text, kind.handler(camel), kind.imports));
  generateFiles(tree, join(__dirname, 'files'), `apps/${name}/src/service`, {
    ...service,
    ...kind,
    fileName,
    method,
    camel,
    startsWith: `../../test/start-${name}`,
  });
  editFile(tree, `apps/${name}/README.md`, (text) => {
    const cells = [`\`${method}\``, kind.title, kind.summary];
    const data = kind.requests.map((request) => JSON.stringify(request)).join(' ');
    const call = `grpcurl -plaintext -d '${data}' localhost:8080 ${service.grpcService}/${method}`;
    return insertAfterLast(appendTableRow(text, ['RPC', 'kind'], cells), /^grpcurl /, call);
  });
  const { requests, replies } = kind;
  addCall(tree, { method: `${service.grpcService}/${method}`, requests, replies });
  await formatFiles(tree);
  return generateContracts(tree.root);
}
