import {
  create,
  type DescField,
  equals,
  type JsonObject,
  type JsonValue,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { invalidArgument } from '@raftway/errors';
import { type Binding, isHttpBody } from './binding';
import { type JsonReadSettings, mergeJson, parseJson, readJson } from './json-body';
import { findField, isText, isTextList, jsonOfText } from './parameter';
import { parseQuery } from './query';
import { type PathValue } from './router';

/** What an HTTP request says. */
export interface HttpRequestParts {
  readonly values: readonly PathValue[];
  /** What follows the question mark; empty when there is none. */
  readonly query: string;
  readonly body: Uint8Array;
  /** Kept with the body where the method takes it as it is. */
  readonly contentType: string;
}

/** How requests are read. */
export interface RequestSettings extends JsonReadSettings {
  /** Whether query parameters that are no field of the request are dropped. By default they are an error. */
  readonly ignoreUnknownParameters?: boolean | undefined;
}

/**
 * Builds the request message of a binding: the body first, then what path and query say.
 *
 * @returns the encoded message
 * @throws ServiceError INVALID_ARGUMENT with a violation for what is wrong
 */
export function buildRequest(
  binding: Binding,
  parts: HttpRequestParts,
  settings: RequestSettings = {},
): Uint8Array {
  const { input } = binding.method;
  const message = create(input);
  readBody(binding, message, parts, settings);
  const before = pathLeaves(binding, message);
  const json = emptyObject();
  for (const { variable, text } of parts.values) {
    const fields = binding.pathFields.get(variable) ?? [];
    put(json, fields, [text], variable.fieldPath.join('.'));
  }
  putQuery(json, binding, parts.query, settings);
  if (Object.keys(json).length > 0) mergeJson(input, message, json, settings);
  const after = pathLeaves(binding, message);
  for (const [name, leaf] of before) {
    const now = after.get(name);
    if (leaf.value !== undefined && !isSame(leaf, now))
      throw invalidArgument({
        field: name,
        description: 'is given otherwise by the body than by the path',
      });
  }
  return toBinary(input, message);
}

function readBody(
  binding: Binding,
  message: Message,
  { body, contentType }: HttpRequestParts,
  settings: RequestSettings,
): void {
  const { input } = binding.method;
  if (binding.body === undefined) {
    if (body.length === 0) return;
    throw invalidArgument({
      field: 'body',
      description: `must be empty, got ${body.length} bytes: ${binding.httpMethod} ${binding.template.text} takes its fields from the path and the query`,
    });
  }
  const field = binding.body === '*' ? undefined : binding.body;
  if (isHttpBody(input, field)) {
    const whole = reflect(input, message);
    setBytes(field === undefined ? whole : childOf(whole, field), contentType, body);
    return;
  }
  // No body is an empty one: `curl -X POST` needs no `-d {}`.
  if (body.length === 0) return;
  const text = decodeText(body);
  if (field === undefined) return readJson(input, message, text, settings);
  // A text that is one JSON value by itself cannot become more than this one field's.
  parseJson(text);
  readJson(input, message, `{${JSON.stringify(field.jsonName)}:${text}}`, settings);
}

function childOf(parent: ReflectMessage, field: DescField): ReflectMessage {
  if (field.fieldKind !== 'message') throw new TypeError(`${field.name} is no message`);
  const child = reflect(field.message);
  parent.set(field, child);
  return child;
}

function setBytes(target: ReflectMessage, contentType: string, body: Uint8Array): void {
  const [typeField, dataField] = target.fields;
  if (typeField !== undefined) target.set(typeField, contentType);
  if (dataField !== undefined) target.set(dataField, body);
}

function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalidArgument({ field: 'body', description: 'must be UTF-8' });
  }
}

function putQuery(
  json: JsonObject,
  binding: Binding,
  query: string,
  { ignoreUnknownParameters = false }: RequestSettings,
): void {
  const texts = new Map<string, { fields: readonly DescField[]; texts: string[] }>();
  for (const { name, value } of parseQuery(query)) {
    const fields =
      binding.body === '*' ? undefined : findField(binding.method.input, name.split('.'));
    if (fields === undefined || fields[0] === binding.body) {
      if (ignoreUnknownParameters) continue;
      throw unknownParameter(binding, name);
    }
    const key = fields.map((field) => field.name).join('.');
    const known = texts.get(key);
    if (known === undefined) texts.set(key, { fields, texts: [value] });
    else known.texts.push(value);
  }
  for (const [name, { fields, texts: values }] of texts) put(json, fields, values, name);
}

function unknownParameter(binding: Binding, name: string): Error {
  const { input } = binding.method;
  const description =
    binding.body === undefined
      ? `is no field of ${input.typeName}`
      : 'is no query parameter: the body has it';
  return invalidArgument({ field: name, description });
}

/** Without a prototype: schemas come from others, and a field may be named `__proto__`. */
function emptyObject(): JsonObject {
  return Object.create(null) as JsonObject;
}

/** Puts the values of one field where they belong. @throws ServiceError when they do not fit the field, or it is there already */
function put(
  json: JsonObject,
  fields: readonly DescField[],
  texts: readonly string[],
  name: string,
): void {
  const last = fields.at(-1);
  if (last === undefined) return;
  let within = json;
  for (const field of fields.slice(0, -1)) {
    const next = (within[field.jsonName] ??= emptyObject()) as JsonObject;
    within = next;
  }
  if (within[last.jsonName] !== undefined)
    throw invalidArgument({ field: name, description: 'is given by the path and the query' });
  within[last.jsonName] = valueOf(last, texts, name);
}

function valueOf(field: DescField, texts: readonly string[], name: string): JsonValue {
  const fail = (description: string): Error => invalidArgument({ field: name, description });
  try {
    if (isTextList(field)) return texts.map((text) => jsonOfText(field, text));
    if (!isText(field)) throw fail('is a message or a map, which no parameter can be');
    if (texts.length > 1) throw fail(`is given ${texts.length} times, and is not repeated`);
    return jsonOfText(field, texts[0] ?? '');
  } catch (error) {
    throw error instanceof RangeError ? fail(error.message) : error;
  }
}

interface Leaf {
  readonly field: DescField;
  readonly value: unknown;
}

/** What the message says in the fields of the path; undefined where they are not set. */
function pathLeaves(binding: Binding, message: Message): Map<string, Leaf> {
  const leaves = new Map<string, Leaf>();
  for (const [variable, fields] of binding.pathFields) {
    let within: ReflectMessage | undefined = reflect(binding.method.input, message);
    let leaf: Leaf | undefined;
    for (const field of fields) {
      const value: unknown = within?.isSet(field) ? within.get(field) : undefined;
      leaf = { field, value };
      within =
        field.fieldKind === 'message' && value !== undefined
          ? (value as ReflectMessage)
          : undefined;
    }
    if (leaf !== undefined) leaves.set(variable.fieldPath.join('.'), leaf);
  }
  return leaves;
}

function isSame({ field, value }: Leaf, now: Leaf | undefined): boolean {
  if (field.fieldKind === 'message')
    return (
      now?.value !== undefined &&
      equals(
        field.message,
        (value as ReflectMessage).message,
        (now.value as ReflectMessage).message,
      )
    );
  if (value instanceof Uint8Array && now?.value instanceof Uint8Array)
    return Buffer.compare(value, now.value) === 0;
  return value === now?.value;
}
