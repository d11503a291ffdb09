import { open } from 'node:fs/promises';
import type { TlsFiles, TlsPems } from './credentials';
import { TlsFilesError } from './errors';

/** The largest file that is read: a bundle of all public authorities is a quarter of it. */
const FILE_BYTES_MAX = 1024 * 1024;

/** Reads all files. @throws TlsFilesError that names the one that cannot be read */
export async function readFiles({ ca, identity }: TlsFiles): Promise<TlsPems> {
  return {
    ca: await readPem(ca),
    identity:
      identity === undefined
        ? undefined
        : {
            certificate: await readPem(identity.certificate),
            privateKey: await readPem(identity.privateKey),
          },
  };
}

/** Whether the same bytes were read twice. */
export function isSame(one: TlsPems, other: TlsPems): boolean {
  const own = one.identity;
  const theirs = other.identity;
  if (!one.ca.equals(other.ca) || own === undefined || theirs === undefined)
    return one.ca.equals(other.ca) && own === theirs;
  return own.certificate.equals(theirs.certificate) && own.privateKey.equals(theirs.privateKey);
}

async function readPem(path: string): Promise<Buffer> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(FILE_BYTES_MAX + 1);
      const { bytesRead } = await file.read(buffer, 0, buffer.length, 0);
      if (bytesRead > FILE_BYTES_MAX)
        throw new TlsFilesError(`${path} is larger than ${FILE_BYTES_MAX} bytes`);
      return Buffer.from(buffer.subarray(0, bytesRead));
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof TlsFilesError) throw error;
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    throw new TlsFilesError(`${path} cannot be read: ${code}`, { cause: error });
  }
}
