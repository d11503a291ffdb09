import { describeObject, type KubeObject } from './kube-object';

/** Objects by name: their order does not matter. */
export function byName(objects: readonly KubeObject[]): Record<string, KubeObject> {
  return Object.fromEntries(objects.map((object) => [describeObject(object), object]));
}
