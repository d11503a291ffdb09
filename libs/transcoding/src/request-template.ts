/*
 * Requests that are put together: JSON of a request message in which texts refer to what is known when it is made.
 *
 *   ${path.name}      a variable of the path
 *   ${query.name}     a parameter of the query, or all of that name where the field is repeated
 *   ${body.a.b}       a value within the body; ${body} is all of it
 *   ${parts.user.id}  a value within the answer of another part
 *   $${               is ${ itself
 *
 * A text that is one reference takes over the value, as what the field is; one with more in it becomes a text. What refers to something that
 * is not there is left out.
 */
import {
  create,
  type DescField,
  type DescMessage,
  type JsonValue,
  toBinary,
} from '@bufbuild/protobuf';
import { invalidArgument, ServiceError } from '@raftway/errors';
import { type ExactJson, type JsonReadSettings, mergeExactJson } from './json-body';
import { findField, isText, isTextList, jsonOfText } from './parameter';

/** What a reference looks into. */
const sourceNames = ['path', 'query', 'body', 'parts'] as const;

/** Something that a template refers to. */
export interface TemplateReference {
  readonly source: (typeof sourceNames)[number];
  /** From the source inwards; empty for all of a body. */
  readonly path: readonly string[];
}

/** The JSON of a request with references in it, taken apart. */
export type RequestTemplate =
  | { readonly kind: 'constant'; readonly value: JsonValue }
  /** Exactly one reference. */
  | { readonly kind: 'reference'; readonly reference: TemplateReference }
  /** Texts and references, joined. */
  | { readonly kind: 'text'; readonly pieces: readonly (string | TemplateReference)[] }
  | { readonly kind: 'list'; readonly items: readonly RequestTemplate[] }
  | { readonly kind: 'object'; readonly entries: readonly (readonly [string, RequestTemplate])[] };

/** Where references lead when a request is made. */
export interface TemplateSources {
  /** A variable of the path, by its name. */
  readonly path: (name: string) => string | undefined;
  /** The values of a parameter, in order; empty when it is not there. */
  readonly query: (name: string) => readonly string[];
  /** Undefined when there is none. */
  readonly body: ExactJson | undefined;
  /** The answer of another part; undefined when there is none. */
  readonly part: (name: string) => JsonValue | undefined;
}

const referencePattern = /\$(\$\{)|\$\{([^}]*)\}?/g;
const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_-]*$/;

/** Takes a template apart. @throws Error that says which reference is wrong, and how */
export function parseRequestTemplate(json: JsonValue): RequestTemplate {
  if (typeof json === 'string') return parseText(json);
  if (Array.isArray(json)) return { kind: 'list', items: json.map(parseRequestTemplate) };
  if (typeof json !== 'object' || json === null) return { kind: 'constant', value: json };
  const entries = Object.entries(json);
  return {
    kind: 'object',
    entries: entries.map(([key, value]) => [key, parseRequestTemplate(value)] as const),
  };
}

/** Everything that a template refers to. */
export function referencesIn(template: RequestTemplate): TemplateReference[] {
  switch (template.kind) {
    case 'constant':
      return [];
    case 'reference':
      return [template.reference];
    case 'text':
      return template.pieces.filter((piece) => typeof piece !== 'string');
    case 'list':
      return template.items.flatMap(referencesIn);
    case 'object':
      return template.entries.flatMap(([, value]) => referencesIn(value));
  }
}

/** A reference as it is written, without `${` and `}`. */
export function referenceText({ source, path }: TemplateReference): string {
  return [source, ...path].join('.');
}

/**
 * Fields of a template that the message does not have, and constants that do not fit theirs; undefined when all is well. What references lead
 * to is only known when a request is made.
 */
export function checkTemplate(desc: DescMessage, template: RequestTemplate): string | undefined {
  const nothing: TemplateSources = {
    path: () => undefined,
    query: () => [],
    body: undefined,
    part: () => undefined,
  };
  try {
    fillTemplate(desc, template, nothing);
    return misfitIn(desc, template);
  } catch (error) {
    if (!(error instanceof ServiceError)) throw error;
    const violations = error.fieldViolations.map(
      ({ field, description }) => `${field} ${description}`,
    );
    return violations.join('; ');
  }
}

/**
 * Makes a request of a template.
 *
 * @returns the encoded message
 * @throws ServiceError INVALID_ARGUMENT with the field, or the reference that does not fit it
 */
export function fillTemplate(
  desc: DescMessage,
  template: RequestTemplate,
  sources: TemplateSources,
  settings: JsonReadSettings = {},
): Uint8Array {
  const message = create(desc);
  const json = valueOf(template, { message: desc, isItem: true }, sources);
  if (json !== undefined) mergeExactJson(desc, message, json, settings);
  return toBinary(desc, message);
}

/**
 * The first value of a body that no reference takes, by its path such as `user.name`; undefined when all are taken.
 * @param references of all templates that the body is for
 */
export function unusedField(
  body: ExactJson,
  references: readonly TemplateReference[],
): string | undefined {
  const paths = references.flatMap(({ source, path }) => (source === 'body' ? [path] : []));
  return unusedIn(body, paths, []);
}

function unusedIn(
  json: ExactJson,
  paths: readonly (readonly string[])[],
  at: readonly string[],
): string | undefined {
  if (paths.some((path) => path.length === at.length)) return undefined;
  const isTaken = paths.length > 0 || at.length === 0;
  if (!isTaken || typeof json !== 'object' || json === null) return at.join('.') || 'body';
  for (const [key, value] of Object.entries(json) as [string, ExactJson][]) {
    const inside = paths.filter((path) => path[at.length] === key);
    const unused = unusedIn(value, inside, [...at, key]);
    if (unused !== undefined) return unused;
  }
  return undefined;
}

function parseText(text: string): RequestTemplate {
  const pieces: (string | TemplateReference)[] = [];
  let literal = '';
  let end = 0;
  for (const match of text.matchAll(referencePattern)) {
    literal += text.slice(end, match.index);
    end = match.index + match[0].length;
    const [whole, escaped, inner = ''] = match;
    if (escaped !== undefined) {
      literal += escaped;
      continue;
    }
    if (literal !== '') pieces.push(literal);
    literal = '';
    pieces.push(parseReference(whole, inner));
  }
  literal += text.slice(end);
  if (literal !== '') pieces.push(literal);
  const [only] = pieces;
  if (only === undefined) return { kind: 'constant', value: text };
  if (pieces.length > 1) return { kind: 'text', pieces };
  return typeof only === 'string'
    ? { kind: 'constant', value: only }
    : { kind: 'reference', reference: only };
}

function parseReference(whole: string, inner: string): TemplateReference {
  const shown = JSON.stringify(whole.slice(0, 64));
  if (!whole.endsWith('}')) throw new Error(`${shown} is not closed by "}"`);
  const [first = '', ...path] = inner.split('.');
  const source = sourceNames.find((name) => name === first);
  if (source === undefined)
    throw new Error(`${shown} must begin with one of ${sourceNames.join(', ')}`);
  if (!path.every((name) => namePattern.test(name)) || (path.length === 0 && source !== 'body'))
    throw new Error(`${shown} must be names with "." between them, such as \${${source}.name}`);
  return { source, path };
}

/** What a value is for: a message, a field or one item of a list or map; empty for JSON of any kind. */
interface Place {
  readonly message?: DescMessage;
  readonly field?: DescField;
  readonly isItem?: boolean;
}

const anywhere: Place = {};

/** @returns undefined when it is to be left out */
function valueOf(
  template: RequestTemplate,
  place: Place,
  sources: TemplateSources,
): ExactJson | undefined {
  switch (template.kind) {
    case 'constant':
      return template.value;
    case 'reference':
      return referredValue(template.reference, place, sources);
    case 'text': {
      const texts = template.pieces.map((piece) =>
        typeof piece === 'string' ? piece : oneText(piece, sources),
      );
      if (texts.includes(undefined)) return undefined;
      return textValue([texts.join('')], place, 'request');
    }
    case 'list':
      return template.items.flatMap((item) => {
        const value = valueOf(item, itemOf(place), sources);
        return value === undefined ? [] : [value];
      });
    case 'object': {
      const entries = template.entries.flatMap(([key, entry]) => {
        const value = valueOf(entry, memberOf(place, key), sources);
        return value === undefined ? [] : [[key, value] as const];
      });
      // By definition, not assignment: a key may be `__proto__`.
      return Object.fromEntries(entries);
    }
  }
}

function referredValue(
  reference: TemplateReference,
  place: Place,
  sources: TemplateSources,
): ExactJson | undefined {
  const texts = textsOf(reference, sources);
  if (texts === undefined) return jsonAt(reference, sources);
  return texts.length === 0 ? undefined : textValue(texts, place, referenceText(reference));
}

/** The texts of a reference into the path or the query; undefined for those that lead to JSON. */
function textsOf(
  { source, path }: TemplateReference,
  sources: TemplateSources,
): readonly string[] | undefined {
  const name = path.join('.');
  if (source === 'query') return sources.query(name);
  if (source !== 'path') return undefined;
  const text = sources.path(name);
  return text === undefined ? [] : [text];
}

function jsonAt(
  { source, path }: TemplateReference,
  sources: TemplateSources,
): ExactJson | undefined {
  const [first = '', ...rest] = path;
  let value = source === 'parts' ? sources.part(first) : sources.body;
  for (const name of source === 'parts' ? rest : path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name))
      return undefined;
    value = (value as Record<string, ExactJson>)[name];
  }
  return value;
}

/** What a reference within a longer text stands for. */
function oneText(reference: TemplateReference, sources: TemplateSources): string | undefined {
  const texts = textsOf(reference, sources);
  if (texts !== undefined) {
    if (texts.length > 1) throw givenTwice(reference, texts.length);
    return texts[0];
  }
  const value = jsonAt(reference, sources);
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'object')
    throw invalidArgument({
      field: referenceText(reference),
      description: 'must be a text, a number or a truth value: it becomes part of a text',
    });
  return String(value);
}

/** The value that texts from outside stand for in their place. */
function textValue(texts: readonly string[], place: Place, name: string): ExactJson {
  const { field } = place;
  const [first = ''] = texts;
  const fail = (description: string): Error => invalidArgument({ field: name, description });
  if (!takesText(place)) throw fail('is a text, which a message or a map cannot be');
  if (field === undefined) return texts.length > 1 ? [...texts] : first;
  try {
    if (place.isItem !== true && isTextList(field))
      return texts.map((text) => jsonOfText(field, text));
    if (texts.length > 1) throw fail(`is given ${texts.length} times, and is not repeated`);
    return jsonOfText(field, first);
  } catch (error) {
    throw error instanceof RangeError ? fail(error.message) : error;
  }
}

function takesText({ message, field, isItem = false }: Place): boolean {
  if (field === undefined || isItem) return message === undefined;
  return isText(field) || isTextList(field);
}

function givenTwice(reference: TemplateReference, count: number): Error {
  const description = `is given ${count} times, and is not repeated`;
  return invalidArgument({ field: referenceText(reference), description });
}

/** Where the items of a list that is written out go. */
function itemOf({ field, isItem = false }: Place): Place {
  if (field?.fieldKind !== 'list' || isItem) return anywhere;
  if (field.listKind !== 'message' || isTextList(field)) return { field, isItem: true };
  return placeOfMessage(field.message);
}

function memberOf({ message, field, isItem = false }: Place, key: string): Place {
  if (field?.fieldKind === 'map' && !isItem)
    return field.mapKind === 'message' ? placeOfMessage(field.message) : { field, isItem: true };
  const member = message && findField(message, [key])?.[0];
  if (member === undefined) return anywhere;
  return member.fieldKind === 'message' && !isText(member)
    ? placeOfMessage(member.message)
    : { field: member };
}

/** Well-known messages have a JSON of their own, which only the library knows. */
function placeOfMessage(message: DescMessage): Place {
  return message.typeName.startsWith('google.protobuf.') ? anywhere : { message, isItem: true };
}

/** What of a template fits no field of the message, also where all of it is left out. */
function misfitIn(desc: DescMessage, template: RequestTemplate): string | undefined {
  const visit = (one: RequestTemplate, place: Place): string | undefined => {
    if (one.kind === 'list')
      return one.items.map((item) => visit(item, itemOf(place))).find((text) => text !== undefined);
    if (one.kind !== 'object') return isMisplacedText(one, place) ? misplaced(one) : undefined;
    const { message } = place;
    for (const [key, value] of one.entries) {
      if (message !== undefined && findField(message, [key]) === undefined)
        return `${key} is no field of ${message.typeName}`;
      const found = visit(value, memberOf(place, key));
      if (found !== undefined) return found;
    }
    return undefined;
  };
  return visit(template, { message: desc, isItem: true });
}

function isMisplacedText(template: RequestTemplate, place: Place): boolean {
  const isText =
    template.kind === 'text' ||
    (template.kind === 'reference' && ['path', 'query'].includes(template.reference.source));
  return isText && !takesText(place);
}

function misplaced(template: RequestTemplate): string {
  const names = referencesIn(template).map((one) => `\${${referenceText(one)}}`);
  return `${names.join(' ')} is a text, which a message or a map cannot be`;
}
