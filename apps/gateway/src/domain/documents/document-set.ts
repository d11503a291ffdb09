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

/** Whether a document is of one kind. */
export function isKind<D extends AnyDocument>(
  source: SourcedDocument,
  kind: D['kind'],
): source is SourcedDocument<D> {
  return source.document.kind === kind;
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
  /** Undefined when there is no valid document in it. The same object as long as nothing has changed. */
  readonly source: SourcedDocument | undefined;
}

/** Puts together what is known of a text. */
export function readText(path: string, text: DocumentText, read: ReadDocument): ReadText {
  const { document: named, unused } = read;
  const where = `${path}:${text.line + read.line - 1}`;
  return { path, text, read, source: named && { ...named, where, unused } };
}

/** Texts of documents can be in messages, and may be long. */
function shortened(message: string): string {
  return message.length > messageMax ? `${message.slice(0, messageMax)}…` : message;
}

/** Puts documents together; each must have a name of its own. */
export function documentSet(texts: readonly ReadText[]): DocumentSet {
  const documents: SourcedDocument[] = [];
  const ids = new Set<string>();
  const problems: DocumentProblem[] = [];
  for (const { path, text, read, source } of texts) {
    for (const { line, message } of read.problems)
      problems.push({ where: `${path}:${text.line + line - 1}`, message: shortened(message) });
    if (source === undefined) continue;
    const { id, where } = source;
    // Whoever copies a directory has thousands of them, and nobody is told of more.
    if (ids.has(id) && problems.length < problemsMax) {
      const other = documents.findLast((document) => document.id === id)?.where;
      problems.push({ where, message: `${id} is at ${other} already: names are given once` });
    }
    ids.add(id);
    documents.push(source);
  }
  if (documents.length > documentsMax)
    problems.push({
      where: 'all files',
      message: `${documents.length} documents; at most ${documentsMax}`,
    });
  return { documents, problems: problems.slice(0, problemsMax) };
}
