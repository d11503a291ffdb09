import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type DocumentFile,
  readDocument,
  type ReadText,
  readText,
  splitDocuments,
} from '../domain/documents';

/** Reading yields to calls after so long, in milliseconds. */
const sliceMs = 5;

/** What was read, for {@link readTexts}. */
export function byText(texts: readonly ReadText[]): ReadonlyMap<string, ReadText> {
  return new Map(texts.map((one) => [one.text.text, one]));
}

/**
 * Reads the documents of a file, in slices, so that calls are not kept waiting.
 * @param known what was read last: what has the same text is not read again.
 */
export async function readTexts(
  { path, text: whole }: DocumentFile,
  known: ReadonlyMap<string, ReadText>,
): Promise<ReadText[]> {
  const texts: ReadText[] = [];
  let sliceEndMs = performance.now() + sliceMs;
  for (const { line, text } of splitDocuments(whole)) {
    const same = known.get(text);
    const own = same?.text.text ?? copyOf(text);
    const isSame = same?.text.line === line && same.path === path;
    texts.push(
      isSame ? same : readText(path, { line, text: own }, same?.read ?? readDocument(own)),
    );
    if (performance.now() < sliceEndMs) continue;
    await nextTurn();
    sliceEndMs = performance.now() + sliceMs;
  }
  return texts;
}

/** V8 keeps the whole of a text in memory for as long as a part of it: here a file for each of its documents that ever changed. */
function copyOf(text: string): string {
  return Buffer.from(text, 'utf8').toString('utf8');
}
