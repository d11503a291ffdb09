import {
  appendFile,
  mkdir,
  mkdtemp,
  rename,
  rm,
  symlink,
  truncate,
  unlink,
  writeFile,
} from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { TlsFilesError } from './errors';
import { TestAuthority } from './testing';
import { TlsSource } from './tls-source';

let authority: TestAuthority;
beforeAll(async () => {
  authority = await TestAuthority.create();
});
afterAll(() => authority.remove());

/** A source that looks at its files only when it is told to, and what it has reported. */
async function opened(files: Parameters<typeof TlsSource.open>[0]) {
  const failures: string[] = [];
  const reloads: (number | undefined)[] = [];
  const source = await TlsSource.open(files, {
    checkIntervalMs: 3_600_000,
    observer: {
      onReloaded: ({ expiresAtMs }) => reloads.push(expiresAtMs),
      onReloadFailed: (reason) => failures.push(reason),
    },
  });
  return { source, failures, reloads };
}

describe('at the start, files are refused with the reason', () => {
  it('when one cannot be read', async () => {
    const files = await authority.issue();
    await unlink(files.identity.privateKey);

    await expect(TlsSource.open(files)).rejects.toThrow(
      `${files.identity.privateKey} cannot be read: ENOENT`,
    );
  });

  it('when the key is another certificate’s', async () => {
    const files = await authority.issue();
    const other = await authority.issue();
    const identity = { ...files.identity, privateKey: other.identity.privateKey };

    await expect(TlsSource.open({ ...files, identity })).rejects.toThrow(
      /does not belong to the certificate .*: give the two that were made together/,
    );
  });

  it('when the certificate has expired', async () => {
    const files = await authority.issue({ lifetimeMs: -1000 });

    await expect(TlsSource.open(files)).rejects.toThrow(/expired at .*Z: renew it/);
  });

  it('when the certificate is not valid yet', async () => {
    const files = await authority.issue();
    const nowMs = () => Date.now() - 10 * 86_400_000;

    await expect(TlsSource.open(files, { nowMs })).rejects.toThrow(/check this machine's clock/);
  });

  it.each([
    ['the CA', 'ca', /has no CA certificate in it/],
    ['the certificate', 'certificate', /is not a certificate in PEM/],
    ['the key', 'privateKey', /is not a private key in PEM/],
  ] as const)('when %s is no PEM', async (_, which, reason) => {
    const files = await authority.issue();
    await writeFile(which === 'ca' ? files.ca : files.identity[which], 'nonsense');

    await expect(TlsSource.open(files)).rejects.toThrow(reason);
  });

  it('when what stands behind the certificate is damaged', async () => {
    const files = await authority.issue();
    const { certificate } = files.identity;
    const damaged = '-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----\n';
    await appendFile(certificate, damaged);

    await expect(TlsSource.open(files)).rejects.toThrow(TlsFilesError);
  });

  it('when a file is larger than any bundle of certificates', async () => {
    const files = await authority.issue();
    await truncate(files.ca, 2_000_000);

    await expect(TlsSource.open(files)).rejects.toThrow(/is larger than 1048576 bytes/);
  });
});

describe('renewed files', () => {
  it('are taken over, once', async () => {
    const files = await authority.issue();
    const { source, reloads } = await opened(files);
    const told: unknown[] = [];
    source.onChange((credentials) => told.push(credentials));

    await authority.renew(files, { names: ['renewed'], lifetimeMs: 7_200_000 });
    await source.check();
    await source.check();

    expect(source.current.names).toEqual(['DNS:renewed']);
    expect(told).toEqual([source.current]);
    expect(reloads).toEqual([source.current.expiresAtMs]);
    source.close();
  });

  it('are taken over when Kubernetes swaps the link above them', async () => {
    const volume = await mkdtemp(join(tmpdir(), 'raftway-volume-'));
    const write = async (version: string, names: string[]): Promise<void> => {
      const { certificate, privateKey } = await authority.make({ names });
      await mkdir(join(volume, version));
      await writeFile(join(volume, version, 'tls.crt'), certificate);
      await writeFile(join(volume, version, 'tls.key'), privateKey);
      await writeFile(join(volume, version, 'ca.crt'), authority.caPem);
      await symlink(version, join(volume, '..data_tmp'));
      await rename(join(volume, '..data_tmp'), join(volume, '..data'));
    };
    await write('..1', ['first']);
    for (const name of ['tls.crt', 'tls.key', 'ca.crt'])
      await symlink(join('..data', name), join(volume, name));
    const at = (name: string): string => join(volume, name);
    const identity = { certificate: at('tls.crt'), privateKey: at('tls.key') };
    const { source } = await opened({ ca: at('ca.crt'), identity });

    await write('..2', ['second']);
    await source.check();

    expect(source.current.names).toEqual(['DNS:second']);
    source.close();
    await rm(volume, { recursive: true });
  });

  it('that cannot be used are reported once, and those of before stay in use', async () => {
    const files = await authority.issue({ names: ['good'] });
    const { source, failures } = await opened(files);

    await writeFile(files.identity.certificate, 'half a certif');
    await source.check();
    await source.check();
    const namesMeanwhile = source.current.names;
    await authority.renew(files, { names: ['better'] });
    await source.check();

    expect(failures).toEqual([expect.stringContaining('is not a certificate in PEM')]);
    expect(namesMeanwhile).toEqual(['DNS:good']);
    expect(source.current.names).toEqual(['DNS:better']);
    source.close();
  });

  it('are noticed without being told', async () => {
    const files = await authority.issue();
    const reloaded = new Promise<void>((resolve) => {
      void TlsSource.open(files, {
        checkIntervalMs: 5,
        observer: { onReloaded: () => resolve() },
      }).then(() => authority.renew(files));
    });

    await expect(reloaded).resolves.toBeUndefined();
  });
});
