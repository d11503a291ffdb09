import { open } from 'node:fs/promises';

/** How a text is fetched. */
export interface FetchLimits {
  readonly timeoutMs: number;
  readonly bytesMax: number;
  readonly signal: AbortSignal;
}

/** Fetches a text, without following redirects. @throws Error that says why not */
export async function fetchText(url: string, limits: FetchLimits): Promise<string> {
  const { timeoutMs, bytesMax } = limits;
  const timeout = AbortSignal.timeout(timeoutMs);
  const signal = AbortSignal.any([limits.signal, timeout]);
  try {
    const response = await fetch(url, {
      signal,
      redirect: 'error',
      headers: { accept: 'application/jwk-set+json, application/json' },
    });
    if (response.status !== 200) {
      await response.body?.cancel();
      throw new Error(`its answer has the status ${response.status}`);
    }
    const chunks: Uint8Array[] = [];
    let bytes = 0;
    const body: AsyncIterable<Uint8Array> | Iterable<Uint8Array> = response.body ?? [];
    for await (const chunk of body) {
      bytes += chunk.length;
      if (bytes > bytesMax) throw new Error(`it has more than ${bytesMax} bytes`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks).toString('utf8');
  } catch (error) {
    if (timeout.aborted) throw new Error(`it took longer than ${timeoutMs} ms`, { cause: error });
    throw new Error(whyNot(error), { cause: error });
  }
}

/** Reads a file of limited size. @throws Error that says why not */
export async function readTextFile(path: string, bytesMax: number): Promise<string> {
  try {
    const file = await open(path);
    try {
      const buffer = Buffer.alloc(Math.min((await file.stat()).size, bytesMax) + 1);
      let bytes = 0;
      for (;;) {
        const { bytesRead } = await file.read(buffer, bytes, buffer.length - bytes, bytes);
        bytes += bytesRead;
        if (bytesRead === 0 || bytes === buffer.length) break;
      }
      if (bytes === buffer.length) throw new Error(`has more than ${buffer.length - 1} bytes`);
      return buffer.toString('utf8', 0, bytes);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw new Error(`${path}: ${whyNot(error)}`, { cause: error });
  }
}

/** fetch hides why it failed in the cause. */
function whyNot(error: unknown): string {
  const cause: unknown = error instanceof Error ? error.cause : undefined;
  const { code } = (cause ?? error) as NodeJS.ErrnoException;
  if (typeof code === 'string') return code;
  if (cause instanceof Error) return cause.message;
  return error instanceof Error ? error.message : String(error);
}
