import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type DocumentFile,
  readDocument,
  type ReadText,
  splitDocuments,
} from '../domain/documents';

/** Reading yields to calls after so long, in milliseconds. */
const sliceMs = 5;

/**
 * Reads the documents of a file, in slices, so that calls are not kept waiting.
 * @param before those that were read last: what has the same text is not read again.
 */
export async function readTexts(
  { path, text }: DocumentFile,
  before: readonly ReadText[] = [],
): Promise<ReadText[]> {
  const known = new Map(before.map((one) => [one.text.text, one.read]));
  const texts: ReadText[] = [];
  let sliceEndMs = performance.now() + sliceMs;
  for (const part of splitDocuments(text)) {
    texts.push({ path, text: part, read: known.get(part.text) ?? readDocument(part.text) });
    if (performance.now() < sliceEndMs) continue;
    await nextTurn();
    sliceEndMs = performance.now() + sliceMs;
  }
  return texts;
}
