import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type CertificateUsage, TestAuthority } from '@raftway/tls/testing';
import { at, type KubeObject } from '../render/kube-object';
import { certificatesOf, dnsNamesOf } from '../support/certificates';
import { secretDirectory } from './pod-plan';

/**
 * What cert-manager does with the Certificates of a rendering: signs what each asks for, no name and no usage more, and writes it where pods mount it.
 *
 * @returns the authority that all trust, in PEM; undefined when there are no Certificates.
 */
export async function issueCertificates(
  objects: readonly KubeObject[],
  directory: string,
): Promise<string | undefined> {
  const certificates = certificatesOf(objects);
  if (certificates.length === 0) return undefined;
  const authority = await TestAuthority.create();
  try {
    for (const certificate of certificates) await issue(authority, certificate, directory);
    return authority.caPem;
  } finally {
    await authority.remove();
  }
}

async function issue(
  authority: TestAuthority,
  certificate: KubeObject,
  directory: string,
): Promise<void> {
  const usages = (at(certificate['spec'], 'usages') as string[]).filter(isExtended);
  const made = await authority.make({ names: dnsNamesOf(certificate), usages });
  const secret = secretDirectory(directory, at(certificate['spec'], 'secretName'));
  mkdirSync(secret, { recursive: true });
  writeFileSync(path.join(secret, 'ca.crt'), authority.caPem);
  writeFileSync(path.join(secret, 'tls.crt'), made.certificate);
  writeFileSync(path.join(secret, 'tls.key'), made.privateKey);
}

function isExtended(usage: string): usage is CertificateUsage {
  return usage.endsWith(' auth');
}
