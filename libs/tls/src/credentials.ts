import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls';
import { TlsFilesError } from './errors';

/** Where the PEM files are. */
export interface TlsFiles {
  /** Certificates of the authorities whose word counts. */
  readonly ca: string;
  /** What this side shows of itself; a client may have none. */
  readonly identity?: TlsIdentityFiles | undefined;
}

/** A certificate, with those of intermediate authorities behind it, and its key. */
export interface TlsIdentityFiles {
  readonly certificate: string;
  readonly privateKey: string;
}

/** The files' contents. */
export interface TlsPems {
  readonly ca: Buffer;
  readonly identity: { readonly certificate: Buffer; readonly privateKey: Buffer } | undefined;
}

/** Files that were read and found to be usable. */
export interface TlsCredentials {
  readonly pems: TlsPems;
  /** What this side's certificate is for, such as `DNS:registry`; empty without one. */
  readonly names: readonly string[];
  /** When this side's certificate expires, as a Unix time; undefined without one. */
  readonly expiresAtMs: number | undefined;
  /** For connections that this side opens. */
  readonly context: SecureContext;
}

/** The oldest protocol that is spoken. */
const VERSION_MIN = 'TLSv1.2';

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;
const QUOTED = /"(?:\\.|[^"\\])*"/g;
const NAME = /^(?:DNS|IP Address|URI):/;

/** Checks that key and certificate belong together, that the certificate is valid now, and that there is a CA. @throws TlsFilesError */
export function checkCredentials(files: TlsFiles, pems: TlsPems, nowMs: number): TlsCredentials {
  checkCa(files.ca, pems.ca, nowMs);
  const certificate =
    files.identity === undefined || pems.identity === undefined
      ? undefined
      : checkIdentity(files.identity, pems.identity, nowMs);
  return {
    pems,
    names: certificate === undefined ? [] : namesOf(certificate.subjectAltName),
    expiresAtMs: certificate === undefined ? undefined : Date.parse(certificate.validTo),
    context: contextOf(pems),
  };
}

/** What OpenSSL is given. */
export function contextOptions({ ca, identity }: TlsPems): SecureContextOptions {
  const own =
    identity === undefined ? {} : { cert: identity.certificate, key: identity.privateKey };
  return { ca, ...own, minVersion: VERSION_MIN };
}

/**
 * The names of a certificate: `DNS:registry-0.registry, IP Address:10.0.0.1` as a list. Names of other kinds say nothing about who somebody is: two that
 * are not alike may be written alike.
 *
 * Node puts a name with a comma or a quote in it into quotes. None that is honest has one, and what is inside must not pass for a name of its own.
 */
export function namesOf(subjectAltName = ''): readonly string[] {
  return subjectAltName
    .replaceAll(QUOTED, '"')
    .split(', ')
    .filter((name) => NAME.test(name) && !name.includes('"'));
}

function contextOf(pems: TlsPems): SecureContext {
  try {
    return createSecureContext(contextOptions(pems));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw new TlsFilesError(`OpenSSL does not take certificate, key and CA: ${why}`, {
      cause: error,
    });
  }
}

function checkCa(path: string, pem: Buffer, nowMs: number): void {
  const certificates = (pem.toString('latin1').match(PEM_CERTIFICATE) ?? []).map((text) =>
    parseCertificate('CA certificate', path, Buffer.from(text, 'latin1')),
  );
  if (certificates.length === 0)
    throw new TlsFilesError(`${path} has no CA certificate in it: PEM is expected`);
  if (certificates.every(({ validTo }) => Date.parse(validTo) <= nowMs))
    throw new TlsFilesError(`the CA certificate ${path} has expired: give the new one`);
}

function checkIdentity(
  paths: TlsIdentityFiles,
  pems: NonNullable<TlsPems['identity']>,
  nowMs: number,
): X509Certificate {
  const certificate = parseCertificate('certificate', paths.certificate, pems.certificate);
  const key = parseKey(paths.privateKey, pems.privateKey);
  if (!certificate.checkPrivateKey(key))
    throw new TlsFilesError(
      `the private key ${paths.privateKey} does not belong to the certificate ${paths.certificate}: give the two that were made together`,
    );
  const from = new Date(certificate.validFrom);
  const to = new Date(certificate.validTo);
  if (to.getTime() <= nowMs)
    throw new TlsFilesError(
      `the certificate ${paths.certificate} expired at ${to.toISOString()}: renew it`,
    );
  if (from.getTime() > nowMs)
    throw new TlsFilesError(
      `the certificate ${paths.certificate} is valid from ${from.toISOString()}: check this machine's clock`,
    );
  return certificate;
}

function parseCertificate(what: string, path: string, pem: Buffer): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch (error) {
    throw new TlsFilesError(`${path} is not a ${what} in PEM`, { cause: error });
  }
}

function parseKey(path: string, pem: Buffer): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch (error) {
    throw new TlsFilesError(
      `${path} is not a private key in PEM, or it is encrypted: keys without a passphrase are taken`,
      { cause: error },
    );
  }
}
