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

/**
 * Puts documents together; each must have a name of its own.
 * @param before the set before. Names that have not changed since are not looked at again: they are most of what a change of one document would cost.
 */
export function documentSet(texts: readonly ReadText[], before?: DocumentSet): DocumentSet {
  const documents: SourcedDocument[] = [];
  const problems: DocumentProblem[] = [];
  for (const { path, text, read, source } of texts) {
    for (const { line, message } of read.problems)
      problems.push({ where: `${path}:${text.line + line - 1}`, message: shortened(message) });
    if (source !== undefined) documents.push(source);
  }
  if (before === undefined || before.problems.length > 0 || !sameNames(before.documents, documents))
    problems.push(...sharedNames(documents));
  if (documents.length > documentsMax)
    problems.push({
      where: 'all files',
      message: `${documents.length} documents; at most ${documentsMax}`,
    });
  return { documents, problems: problems.slice(0, problemsMax) };
}

/** Whether each document has the name that the one at its place had. */
function sameNames(before: readonly SourcedDocument[], after: readonly SourcedDocument[]): boolean {
  return after.every((source, at) => source === before[at] || source.id === before[at]?.id);
}

/** Documents whose name is another's. */
function sharedNames(documents: readonly SourcedDocument[]): DocumentProblem[] {
  const problems: DocumentProblem[] = [];
  const places = new Map<string, string>();
  for (const { id, where } of documents) {
    const other = places.get(id);
    if (other !== undefined)
      problems.push({ where, message: `${id} is at ${other} already: names are given once` });
    places.set(id, where);
    // Whoever copies a directory has thousands of them, and nobody is told of more.
    if (problems.length === problemsMax) break;
  }
  return problems;
}
