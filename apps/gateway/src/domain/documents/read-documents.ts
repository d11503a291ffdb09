import { nearest } from '@raftway/config';
import { type Document, isMap, isNode, LineCounter, parseDocument } from 'yaml';
import { type z } from 'zod';
import { type AnyDocument, documentKinds } from './kinds';
import { defaultNamespace } from './kinds/common';
import { type UnusedField, unusedFields } from './strict';

/** A file, or what was given in its place. */
export interface DocumentFile {
  /** What problems are reported under. */
  readonly path: string;
  readonly text: string;
}

/** A document of a file, as text. */
export interface DocumentText {
  /** Of the text's beginning in the file, from 1. */
  readonly line: number;
  readonly text: string;
}

/** Something wrong with a document. */
export interface DocumentProblem {
  /** `file:line`. */
  readonly where: string;
  readonly message: string;
}

/** A valid document with what it is known by. */
export interface NamedDocument<D extends AnyDocument = AnyDocument> {
  readonly document: D;
  /** `kind namespace/name`: one document of a set. */
  readonly id: string;
  /** Of documents that are equally specific the one with the lesser text counts: the older, then by namespace and name, as the Gateway API has it. */
  readonly order: string;
}

/** What became of one text, with lines counted from its own beginning. */
export interface ReadDocument {
  /** Undefined when the text has only comments in it, or problems. */
  readonly document: NamedDocument | undefined;
  /** Where it begins, below comments. */
  readonly line: number;
  readonly unused: readonly UnusedField[];
  readonly problems: readonly { readonly line: number; readonly message: string }[];
}

/** The longest text of one document, in characters. */
export const documentCharactersMax = 1_048_576;

/**
 * Takes a YAML stream apart. A line that begins with `---` ends a document wherever it stands (YAML 1.2.2 §9.1.4), so that documents can be
 * told apart, and read one by one, without reading them.
 */
export function splitDocuments(text: string): DocumentText[] {
  const texts: DocumentText[] = [];
  const marker = /^---(?=\s|$)/gm;
  let start = 0;
  let line = 1;
  const take = (end: number): void => {
    const part = text.slice(start, end);
    if (part.trim() !== '' && part.trim() !== '---') texts.push({ line, text: part });
    line += part.split('\n').length - 1;
    start = end;
  };
  for (const { index } of text.matchAll(marker)) take(index);
  take(text.length);
  return texts;
}

/** Reads and validates one document, YAML or JSON. */
export function readDocument(text: string): ReadDocument {
  if (text.length > documentCharactersMax)
    return failed([[1, `the document is longer than ${documentCharactersMax} characters`]]);
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const lineAt = (offset: number): number => lines.linePos(offset).line;
  if (yaml.errors.length > 0)
    return failed(
      yaml.errors.map(({ pos, message }) => [lineAt(pos[0]), `is not valid YAML: ${message}`]),
    );
  if (yaml.contents === null) return { document: undefined, line: 1, unused: [], problems: [] };
  const line = lineAt(yaml.contents.range[0]);
  let value: unknown;
  try {
    value = yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return failed([[line, `cannot be read: ${error instanceof Error ? error.message : ''}`]]);
  }
  const kind = kindOf(value);
  if (typeof kind === 'string') return failed([[line, kind]]);
  const parsed = kind.schema.safeParse(value);
  if (!parsed.success)
    return failed(parsed.error.issues.flatMap((issue) => problemsOf(issue, yaml, line, lineAt)));
  const document = named(parsed.data);
  return { document, line, unused: unusedFields(kind.schema, value), problems: [] };
}

function named(document: AnyDocument): NamedDocument {
  const { namespace = defaultNamespace, name, creationTimestamp } = document.metadata;
  const id = `${document.kind} ${namespace}/${name}`;
  // What has no age is younger than what has.
  return { document, id, order: `${creationTimestamp ?? '~'} ${id}` };
}

function failed(problems: readonly (readonly [line: number, message: string])[]): ReadDocument {
  return {
    document: undefined,
    line: 1,
    unused: [],
    problems: problems.map(([line, message]) => ({ line, message })),
  };
}

/** The kind of a value, or what is wrong with what it says of itself. */
function kindOf(value: unknown): (typeof documentKinds)[AnyDocument['kind']] | string {
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    return 'must be a map with apiVersion, kind, metadata and spec';
  const { apiVersion, kind } = value as Record<string, unknown>;
  const kinds = Object.keys(documentKinds);
  if (typeof kind !== 'string') return `kind is missing: one of ${kinds.join(', ')}`;
  if (!Object.hasOwn(documentKinds, kind))
    return `unknown kind ${JSON.stringify(kind)}: did you mean ${nearest(kind, kinds)}? Known: ${kinds.join(', ')}`;
  const found = documentKinds[kind as AnyDocument['kind']];
  if (apiVersion !== found.apiVersion)
    return `apiVersion of a ${kind} must be ${found.apiVersion}, not ${JSON.stringify(apiVersion)}`;
  return found;
}

function problemsOf(
  issue: z.core.$ZodIssue,
  yaml: Document,
  firstLine: number,
  lineAt: (offset: number) => number,
): (readonly [line: number, message: string])[] {
  const where = (path: readonly PropertyKey[]): number => {
    const offset = offsetOf(yaml, path);
    return offset === undefined ? firstLine : lineAt(offset);
  };
  const at = pathText(issue.path);
  const prefix = at === '' ? '' : `${at}: `;
  if (issue.code === 'unrecognized_keys') {
    // One line of the message for each key: see `strict`.
    const messages = issue.message.split('\n');
    return issue.keys.map((key, index) => [
      where([...issue.path, key]),
      `${prefix}${messages[index] ?? `unknown field ${key}`}`,
    ]);
  }
  return [[where(issue.path), `${prefix}${issue.message}`]];
}

/** Where a path's key stands in the text; for a path that is not there, that of the nearest thing above it. */
function offsetOf(yaml: Document, path: readonly PropertyKey[]): number | undefined {
  let node: unknown = yaml.contents;
  let offset: number | undefined;
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find(({ key }) => String(key) === String(step));
      if (pair === undefined) return offset;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else {
      node = (node as { get?: (step: PropertyKey, keep: boolean) => unknown } | null)?.get?.(
        step,
        true,
      );
      if (!isNode(node)) return offset;
      offset = node.range?.[0] ?? offset;
    }
  }
  return offset;
}

function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((step) => (typeof step === 'number' ? `[${step}]` : `.${String(step)}`))
    .join('')
    .replace(/^\./, '');
}
