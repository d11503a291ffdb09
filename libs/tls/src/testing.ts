import { webcrypto } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
// The library below finds its parts with it.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import type { TlsFiles, TlsIdentityFiles } from './credentials';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const DAY_MS = 86_400_000;

/** Files of a certificate that was issued. */
export interface TestFiles extends TlsFiles {
  readonly identity: TlsIdentityFiles;
}

/** What a certificate is made for. */
export interface TestCertificateOptions {
  /** Host names, IP addresses and URIs. @default localhost and 127.0.0.1 */
  readonly names?: readonly string[] | undefined;
  /** From now, in milliseconds; a negative one has expired. @default a day */
  readonly lifetimeMs?: number | undefined;
  /** Which ends of a connection it is for. @default both */
  readonly usages?: readonly CertificateUsage[] | undefined;
}

/** An extended key usage, by the name that it has in a Certificate of cert-manager. */
export type CertificateUsage = keyof typeof USAGES;

const USAGES = {
  'server auth': x509.ExtendedKeyUsage.serverAuth,
  'client auth': x509.ExtendedKeyUsage.clientAuth,
} as const;

/** A certificate authority of a spec, and the files that it has issued, which go with {@link TestAuthority.remove}. */
export class TestAuthority {
  private serial = 1;

  private constructor(
    private readonly directory: string,
    private readonly keys: webcrypto.CryptoKeyPair,
    private readonly certificate: x509.X509Certificate,
  ) {}

  static async create(name = 'Raftway test CA'): Promise<TestAuthority> {
    const keys = await makeKeys();
    const certificate = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: `CN=${name}`,
      notBefore: new Date(Date.now() - DAY_MS),
      notAfter: new Date(Date.now() + DAY_MS),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true, 1, true),
        new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
      ],
    });
    const directory = await mkdtemp(join(tmpdir(), 'raftway-tls-'));
    return new TestAuthority(directory, keys, certificate);
  }

  get caPem(): string {
    return this.certificate.toString('pem');
  }

  /** Writes files of their own for a new certificate. */
  async issue(options: TestCertificateOptions = {}): Promise<TestFiles> {
    this.serial += 1;
    const path = (name: string): string => join(this.directory, `${this.serial}-${name}.pem`);
    const identity = { certificate: path('certificate'), privateKey: path('key') };
    const files = { ca: path('ca'), identity };
    await writeFile(files.ca, this.caPem);
    await this.renew(files, options);
    return files;
  }

  /** Replaces certificate and key in the same files. */
  async renew(files: TestFiles, options: TestCertificateOptions = {}): Promise<void> {
    const { certificate, privateKey } = await this.make(options);
    await writeFile(files.identity.privateKey, privateKey);
    await writeFile(files.identity.certificate, certificate);
  }

  async make(
    options: TestCertificateOptions = {},
  ): Promise<{ certificate: string; privateKey: string }> {
    const { names = ['localhost', '127.0.0.1'], lifetimeMs = DAY_MS } = options;
    const { usages = ['server auth', 'client auth'] } = options;
    const keys = await makeKeys();
    this.serial += 1;
    const certificate = await x509.X509CertificateGenerator.create({
      serialNumber: this.serial.toString(16).padStart(4, '0'),
      subject: `CN=${names[0] ?? 'nobody'}`,
      issuer: this.certificate.subject,
      notBefore: new Date(Date.now() - 2 * DAY_MS),
      notAfter: new Date(Date.now() + lifetimeMs),
      signingKey: this.keys.privateKey,
      publicKey: keys.publicKey,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(false),
        new x509.ExtendedKeyUsageExtension(usages.map((usage) => USAGES[usage])),
        new x509.SubjectAlternativeNameExtension(names.map(generalName)),
      ],
    });
    const der = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', keys.privateKey));
    return {
      certificate: certificate.toString('pem'),
      privateKey: x509.PemConverter.encode(der, 'PRIVATE KEY'),
    };
  }

  /** Removes all that was written. */
  remove(): Promise<void> {
    return rm(this.directory, { recursive: true, force: true });
  }
}

function makeKeys(): Promise<webcrypto.CryptoKeyPair> {
  return webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
}

function generalName(name: string): { type: 'ip' | 'dns' | 'url'; value: string } {
  if (name.includes('://')) return { type: 'url', value: name };
  return { type: /^[\d.]+$|:/.test(name) ? 'ip' : 'dns', value: name };
}
