import { type AnyDocument } from './kinds';
import {
  type DocumentProblem,
  type DocumentText,
  type NamedDocument,
  type ReadDocument,
} from './read-documents';
import { type UnusedField } from './strict';

/** A valid document and where it came from. */
export interface SourcedDocument<D extends AnyDocument = AnyDocument> extends NamedDocument<D> {
  /** `file:line`. */
  readonly where: string;
  readonly unused: readonly UnusedField[];
}

/** Everything that was given, read. */
export interface DocumentSet {
  readonly documents: readonly SourcedDocument[];
  /** A set with one problem is not used at all. */
  readonly problems: readonly DocumentProblem[];
}

/** Documents of a set. */
export const documentsMax = 20_000;
/** Problems that are reported of one set. */
const problemsMax = 100;
const messageMax = 400;

/** A text of a file, read. */
export interface ReadText {
  readonly path: string;
  readonly text: DocumentText;
  readonly read: ReadDocument;
}

/** Texts of documents can be in messages, and may be long. */
function shortened(message: string): string {
  return message.length > messageMax ? `${message.slice(0, messageMax)}…` : message;
}

/** Puts documents together; each must have a name of its own. */
export function documentSet(texts: readonly ReadText[]): DocumentSet {
  const documents = new Map<string, SourcedDocument>();
  const problems: DocumentProblem[] = [];
  for (const { path, text, read } of texts) {
    const at = (line: number): string => `${path}:${text.line + line - 1}`;
    for (const { line, message } of read.problems)
      problems.push({ where: at(line), message: shortened(message) });
    if (read.document === undefined) continue;
    const { document, id, order } = read.document;
    const where = at(read.line);
    const other = documents.get(id);
    if (other !== undefined)
      problems.push({ where, message: `${id} is at ${other.where} already: names are given once` });
    documents.set(id, { document, id, order, where, unused: read.unused });
  }
  if (documents.size > documentsMax)
    problems.push({
      where: 'all files',
      message: `${documents.size} documents; at most ${documentsMax}`,
    });
  return { documents: [...documents.values()], problems: problems.slice(0, problemsMax) };
}
