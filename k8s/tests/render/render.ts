import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { parse, parseAllDocuments } from 'yaml';
import { GeneratedConfigMaps } from './config-maps';
import { applyPatch, type PatchOperation } from './json-patch';
import { type KubeObject, describeObject } from './kube-object';
import { type Kustomization, readKustomization } from './kustomization';
import { addLabels, setImage, setNamespace, setReplicas } from './transformers';

// kustomize reads YAML 1.1, where a plain `y` or `no` is a boolean.
const YAML = { version: '1.1' } as const;

/**
 * Renders a directory as `kubectl kustomize` does, for the subset of kustomize in kustomization.ts. Objects come in the order in which they
 * are met.
 *
 * @throws Error with the file for whatever is outside of the subset or does not fit together.
 */
export function render(directory: string): KubeObject[] {
  const rendering = new Rendering();
  rendering.include(path.resolve(directory), 'Kustomization');
  return rendering.finish();
}

class Rendering {
  private objects: KubeObject[] = [];
  private readonly configMaps = new GeneratedConfigMaps();

  /** What one kustomization adds to and changes in the objects that its parent has so far. */
  include(directory: string, kind: Kustomization['kind']): void {
    const file = path.join(directory, 'kustomization.yaml');
    const kustomization = readKustomization(parse(readFileSync(file, 'utf8'), YAML), file);
    if (kustomization.kind !== kind) throw new Error(`${file} is no ${kind}`);
    try {
      // A component sees what is there, anything else only its own.
      const before = kind === 'Component' ? [] : this.objects;
      if (kind !== 'Component') this.objects = [];
      this.accumulate(kustomization, directory);
      this.transform(kustomization, directory);
      this.objects = [...before, ...this.objects];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new Error(reason.startsWith('/') ? reason : `${file}: ${reason}`, { cause: error });
    }
  }

  finish(): KubeObject[] {
    this.configMaps.rename(this.objects);
    const names = this.objects.map(describeObject);
    const twice = names.find((name, index) => names.indexOf(name) !== index);
    if (twice !== undefined) throw new Error(`${twice} is there twice`);
    return this.objects;
  }

  private accumulate(kustomization: Kustomization, directory: string): void {
    for (const resource of kustomization.resources) {
      const target = path.join(directory, resource);
      if (statSync(target).isDirectory()) this.include(target, 'Kustomization');
      else this.objects.push(...readObjects(target));
    }
    for (const component of kustomization.components) {
      this.include(path.join(directory, component), 'Component');
    }
    for (const generator of kustomization.configMapGenerator) {
      const read = (file: string): string => readFileSync(path.join(directory, file), 'utf8');
      const created = this.configMaps.generate(generator, read);
      if (created !== undefined) this.objects.push(created);
    }
  }

  private transform(kustomization: Kustomization, directory: string): void {
    const { objects } = this;
    for (const { target, path: file, patch } of kustomization.patches) {
      const text = patch ?? readFileSync(path.join(directory, file as string), 'utf8');
      const found = objects.filter(
        ({ kind, metadata }) => kind === target.kind && metadata.name === target.name,
      );
      if (found.length === 0) throw new Error(`there is no ${target.kind} ${target.name} to patch`);
      for (const object of found) applyPatch(object, readPatch(text));
    }
    if (kustomization.namespace !== undefined) setNamespace(objects, kustomization.namespace);
    for (const label of kustomization.labels) addLabels(objects, label);
    for (const replicas of kustomization.replicas) setReplicas(objects, replicas);
    for (const image of kustomization.images) setImage(objects, image);
  }
}

function readObjects(file: string): KubeObject[] {
  return parseAllDocuments(readFileSync(file, 'utf8'), YAML).map((document) => {
    const [problem] = [...document.errors, ...document.warnings];
    if (problem !== undefined) throw new Error(`${file}: ${problem.message}`);
    const object = document.toJS() as Partial<KubeObject> | null;
    if (object?.apiVersion === undefined || object.kind === undefined || !object.metadata?.name) {
      throw new Error(`${file}: an object needs apiVersion, kind and metadata.name`);
    }
    return object as KubeObject;
  });
}

function readPatch(text: string): PatchOperation[] {
  const operations: unknown = parse(text, YAML);
  const known = ['add', 'replace', 'remove'];
  if (
    !Array.isArray(operations) ||
    !operations.every((one: Partial<PatchOperation>) => known.includes(String(one.op)))
  ) {
    throw new Error('only JSON 6902 patches with add, replace and remove are in the subset');
  }
  return operations as PatchOperation[];
}
