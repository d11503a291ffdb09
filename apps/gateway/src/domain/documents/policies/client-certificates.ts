import { z } from 'zod';
import { namePattern, type NameTest, wildcardsMax } from '../../security/name-pattern';
import { strict } from '../strict';

/** A name of a certificate, or a pattern of such names. */
export const certificateName = () =>
  z
    .string()
    .max(512)
    .regex(
      /^(?:DNS|URI):[^\s"]+$/,
      'must begin with DNS: or URI:, such as URI:spiffe://example.org/ns/*/sa/web',
    )
    .refine(
      (text) => (text.match(/\*+/g) ?? []).length <= wildcardsMax && !text.includes('***'),
      `may have ${wildcardsMax} wildcards, * or **`,
    );

/** `mtls` of a SecurityPolicy. */
export const clientCertificatesSchema = strict({
  names: z
    .array(certificateName())
    .min(1)
    .max(64)
    .describe('Names (SAN) that are taken; * stands for one part of a name, ** for anything.'),
}).describe(
  'Callers show a certificate of RAFTWAY_TLS_CA (RAFTWAY_TLS_CLIENT_AUTH: optional or require).',
);

/** `mtls`, compiled. */
export interface ClientCertificateSettings {
  readonly names: readonly NameTest[];
}

/** What a policy says of clients’ certificates. */
export function compileClientCertificates({
  names,
}: z.output<typeof clientCertificatesSchema>): ClientCertificateSettings {
  return { names: names.map(namePattern) };
}
