import { createHash } from 'node:crypto';
import { Metadata } from '@grpc/grpc-js';

/** A Gateway of all hosts. */
export const edge = `
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: edge }
spec: { gatewayClassName: raftway, listeners: [{ name: all, port: 80, protocol: HTTP }] }
`;

/** A SecurityPolicy. @param spec fields of a YAML map. @param target of the Gateway, if nothing else */
export function securityPolicy(
  spec: string,
  target = '{ kind: Gateway, name: edge }',
  name = 'edge',
): string {
  return `---
apiVersion: gateway.raftway.dev/v1
kind: SecurityPolicy
metadata: { name: ${name} }
spec: { targetRefs: [${target}], ${spec} }
`;
}

/** A call's metadata. */
export function metadataOf(headers: Readonly<Record<string, string>>): Metadata {
  const metadata = new Metadata();
  for (const [name, value] of Object.entries(headers)) metadata.set(name, value);
  return metadata;
}

/** Metadata with a token. */
export function bearer(token: string, more: Readonly<Record<string, string>> = {}): Metadata {
  return metadataOf({ authorization: `Bearer ${token}`, ...more });
}

export const sha256 = (key: string): string => createHash('sha256').update(key).digest('hex');

/** The API key of a caller. */
export const keyOf = (id: string): string => `key-of-${id}`;

/** The keys of callers, as a SecurityPolicy has them. */
export const keys = (...ids: string[]): string =>
  `keys: [${ids.map((id) => `{ id: ${id}, sha256: ${sha256(keyOf(id))} }`).join(', ')}]`;
