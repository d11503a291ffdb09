import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { type DescMethod, fromBinary, type Registry, toBinary } from '@bufbuild/protobuf';
import { FileDescriptorProtoSchema, FileDescriptorSetSchema } from '@bufbuild/protobuf/wkt';
import { type Binding, bindMethod, SchemaFiles } from '../src/index';

const workspaceRoot = path.join(__dirname, '../../..');
const modules = ['protos', 'libs/transcoding/test/protos'].map((directory) => ({
  path: directory,
}));

/** `test/library.proto` with its imports, compiled by buf. */
export function libraryFiles(): Uint8Array[] {
  const config = JSON.stringify({ version: 'v2', modules });
  const { status, stdout, stderr } = spawnSync(
    path.join(workspaceRoot, 'node_modules/.bin/buf'),
    ['build', '.', '--config', config, '--as-file-descriptor-set', '-o', '-#format=binpb'],
    { cwd: workspaceRoot, maxBuffer: 16 * 1024 * 1024 },
  );
  if (status !== 0) throw new Error(`buf build failed: ${String(stderr)}`);
  return fromBinary(FileDescriptorSetSchema, stdout).file.map((file) =>
    toBinary(FileDescriptorProtoSchema, file),
  );
}

/** The methods of `test.Library`, and how they are reached. */
export class Library {
  readonly registry: Registry = new SchemaFiles().registryOf(libraryFiles());

  method(name: string, service = 'test.Library'): DescMethod {
    const found = this.registry.getService(service)?.methods.find((one) => one.name === name);
    if (found === undefined) throw new Error(`no method ${service}/${name}`);
    return found;
  }

  /** Every binding of a service. */
  bindings(service = 'test.Library'): Binding[] {
    const methods = this.registry.getService(service)?.methods ?? [];
    return methods.flatMap((method) => {
      const { bindings, problems } = bindMethod(method);
      if (problems.length > 0) throw new Error(problems.join('; '));
      return bindings;
    });
  }
}
