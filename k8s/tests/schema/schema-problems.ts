import path from 'node:path';
import ts from 'typescript';
import { describeObject, type KubeObject } from '../render/kube-object';

// The schemas of the Kubernetes API, as TypeScript types that are generated from its OpenAPI document. The compiler is the validator: unlike
// a JSON schema, it refuses unknown fields at any depth (excess properties of a literal), besides wrong types and missing fields.

/** Packages by API group; the core group has none. */
const PACKAGES: Readonly<Record<string, string>> = {
  'cert-manager.io': '@kubernetes-models/cert-manager',
  'monitoring.coreos.com': '@kubernetes-models/prometheus-operator',
};

/** It has to lie here, so that packages resolve as for the files around it. */
const FILE = path.join(__dirname, 'manifests.generated.mts');

/** What is wrong with objects; empty when the API would accept their shape. */
export function schemaProblems(objects: readonly KubeObject[]): string[] {
  // Renderings share most of their objects.
  const distinct = [...new Map(objects.map((object) => [JSON.stringify(object), object])).values()];
  const lines = distinct.map(declaration);
  const program = ts.createProgram([FILE], OPTIONS, hostWith(lines.join('\n')));
  return ts.getPreEmitDiagnostics(program).map((diagnostic) => {
    const text = ts.flattenDiagnosticMessageText(diagnostic.messageText, ' ');
    const { file, start } = diagnostic;
    if (file?.fileName !== FILE || start === undefined) return text;
    const object = distinct[file.getLineAndCharacterOfPosition(start).line];
    return `${object === undefined ? '' : describeObject(object)}: ${text}`;
  });
}

const OPTIONS: ts.CompilerOptions = {
  target: ts.ScriptTarget.ES2022,
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  strict: true,
  noEmit: true,
  skipLibCheck: true,
  types: [],
};

/** One line an object, so that a diagnostic's line says whose it is. */
function declaration(object: KubeObject, index: number): string {
  const [group, version] = object.apiVersion.includes('/')
    ? object.apiVersion.split('/')
    : [undefined, object.apiVersion];
  const name = PACKAGES[group ?? ''] ?? 'kubernetes-models';
  const module = [name, group, version, object.kind].filter(Boolean).join('/');
  return `export const object${index}: import('${module}').I${object.kind} = ${JSON.stringify(object)};`;
}

/** The compiler's files, and the text as one more. */
function hostWith(text: string): ts.CompilerHost {
  const files = ts.createCompilerHost(OPTIONS);
  return {
    ...files,
    fileExists: (file) => file === FILE || files.fileExists(file),
    readFile: (file) => (file === FILE ? text : files.readFile(file)),
    getSourceFile: (file, options) =>
      file === FILE ? ts.createSourceFile(file, text, options) : files.getSourceFile(file, options),
  };
}
