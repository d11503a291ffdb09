import { at, type KubeObject } from '../render/kube-object';

/** What cert-manager is asked for, the authority aside. */
export function certificatesOf(objects: readonly KubeObject[]): KubeObject[] {
  return objects.filter(({ kind, spec }) => kind === 'Certificate' && at(spec, 'isCA') !== true);
}

/** The names that a Certificate is for. */
export function dnsNamesOf({ spec }: KubeObject): string[] {
  return (at(spec, 'dnsNames') ?? []) as string[];
}
