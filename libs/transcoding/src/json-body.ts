/*
 * JSON of the outside, read as protobuf prescribes: unknown fields, doubled keys and values that do not fit are errors, and no number loses
 * a digit. JSON.parse makes 2^53 of 2^53 + 1; a 64-bit field that was given as a number gets what the text says. As a text it has to be a
 * decimal number: the library's BigInt() reads "" and "0x10", too.
 */
import {
  type DescField,
  type DescMessage,
  fromJsonString,
  type JsonObject,
  type JsonValue,
  type Message,
  mergeFromJson,
  mergeFromJsonString,
  type Registry,
  ScalarType,
} from '@bufbuild/protobuf';
import { ValueSchema } from '@bufbuild/protobuf/wkt';
import { type FieldViolation, invalidArgument, ServiceError } from '@raftway/errors';

/** How JSON is read. */
export interface JsonReadSettings {
  /** Whether fields that the message does not have are dropped. By default they are an error. */
  readonly ignoreUnknownFields?: boolean | undefined;
  /** Where the types of google.protobuf.Any are found. */
  readonly registry?: Registry | undefined;
}

/** Objects and arrays within each other; messages within each other are the library's to limit, to 100. */
const jsonDepthMax = 500;

/**
 * Reads a message from JSON into `target`.
 *
 * @throws ServiceError INVALID_ARGUMENT with the field
 */
export function readJson(
  desc: DescMessage,
  target: Message,
  text: string,
  settings: JsonReadSettings,
): void {
  const options = {
    ignoreUnknownFields: settings.ignoreUnknownFields ?? false,
    registry: settings.registry,
  };
  guard('body', () => {
    if (!hasLongs(desc)) return mergeFromJsonString(desc, target, text, options);
    return mergeFromJson(desc, target, exact(desc, readExactJson(text)), options);
  });
}

/**
 * The value of a JSON text, with every digit of its numbers.
 *
 * @throws ServiceError INVALID_ARGUMENT when it is none, or has a key twice
 */
export function readExactJson(text: string): ExactJson {
  return guard('body', () => {
    // For what a parsed value does not show any more: doubled keys.
    fromJsonString(ValueSchema, text, { recursionLimit: jsonDepthMax });
    return parseExactly(text);
  });
}

/** Merges JSON of {@link readExactJson} and what was made of it. @throws ServiceError INVALID_ARGUMENT with the field */
export function mergeExactJson(
  desc: DescMessage,
  target: Message,
  json: ExactJson,
  { ignoreUnknownFields = false, registry }: JsonReadSettings,
): void {
  guard('request', () =>
    mergeFromJson(desc, target, exact(desc, json), { ignoreUnknownFields, registry }),
  );
}

/** The value of a JSON text. @throws ServiceError INVALID_ARGUMENT when it is none */
export function parseJson(text: string): unknown {
  return guard('body', () => JSON.parse(text) as unknown);
}

/** Merges JSON that was made here. @throws ServiceError INVALID_ARGUMENT with the field */
export function mergeJson(
  desc: DescMessage,
  target: Message,
  json: JsonObject,
  settings: JsonReadSettings,
): void {
  guard('query', () => mergeFromJson(desc, target, json, { registry: settings.registry }));
}

/** Runs something of the library and makes its errors ServiceErrors. @param place the field that is named when the error names none */
function guard<Result>(place: string, action: () => Result): Result {
  try {
    return action();
  } catch (error) {
    throw error instanceof ServiceError ? error : errorOf(place, error);
  }
}

/** `cannot decode field a.B.c from JSON: expected …`, and the same of messages, enums and oneofs. */
const libraryError = /^cannot decode (field|message|enum|oneof) (\S+) from JSON: ([\s\S]*)$/;

function errorOf(place: string, error: unknown): ServiceError {
  const message = error instanceof Error ? error.message : String(error);
  const [, kind, name = '', what = message] = libraryError.exec(message) ?? [];
  const key = /^key "(.*)" is unknown$/s.exec(what)?.[1];
  let violation: FieldViolation;
  if (key !== undefined) violation = { field: key, description: `is no field of ${name}` };
  else if (kind === 'field' || kind === 'oneof')
    violation = { field: name.split('.').at(-1) ?? name, description: what };
  else
    violation = {
      field: place,
      description: name === '' || name === ValueSchema.typeName ? what : `is no ${name}: ${what}`,
    };
  return invalidArgument(violation);
}

/** JSON with bigints where a whole number does not fit a double. */
export type ExactJson = JsonValue | bigint | { [key: string]: ExactJson } | ExactJson[];
type Reviver = (key: string, value: unknown, context?: { readonly source?: string }) => unknown;

function parseExactly(text: string): ExactJson {
  const revive: Reviver = (_key, value, context) => {
    const source = context?.source ?? '';
    const isInexact = typeof value === 'number' && !Number.isSafeInteger(value);
    return isInexact && /^-?\d+$/.test(source) ? BigInt(source) : value;
  };
  return JSON.parse(text, revive) as ExactJson;
}

const longScalars = new Set<ScalarType | undefined>([
  ScalarType.INT64,
  ScalarType.UINT64,
  ScalarType.SINT64,
  ScalarType.FIXED64,
  ScalarType.SFIXED64,
]);

const withLongs = new WeakMap<DescMessage, boolean>();

/** Whether a 64-bit field may be found in the message, or in those within it. */
function hasLongs(desc: DescMessage): boolean {
  let known = withLongs.get(desc);
  if (known === undefined) {
    // A message may contain itself.
    const seen = new Set<DescMessage>();
    const search = (one: DescMessage): boolean => {
      if (seen.has(one)) return false;
      seen.add(one);
      return one.fields.some(
        ({ scalar, message }) =>
          longScalars.has(scalar) || (message !== undefined && search(message)),
      );
    };
    known = search(desc);
    withLongs.set(desc, known);
  }
  return known;
}

/** Leaves bigints to 64-bit fields, as texts, and makes them doubles again everywhere else. */
function exact(desc: DescMessage, json: ExactJson): JsonValue {
  if (
    desc.typeName === 'google.protobuf.Int64Value' ||
    desc.typeName === 'google.protobuf.UInt64Value'
  )
    return exactLong('value', json);
  // Well-known types have a JSON of their own; an Any's fields are not known here.
  if (desc.typeName.startsWith('google.protobuf.') || !isObject(json)) return inexact(json);
  const entries = Object.entries(json).map(([key, value]) => {
    const field = desc.fields.find(({ name, jsonName }) => name === key || jsonName === key);
    return [key, field === undefined ? inexact(value) : exactField(field, value)] as const;
  });
  return objectOf(entries);
}

function exactField(field: DescField, json: ExactJson): JsonValue {
  const one = (value: ExactJson): JsonValue => {
    if (field.message !== undefined) return exact(field.message, value);
    return longScalars.has(field.scalar) ? exactLong(field.name, value) : inexact(value);
  };
  if (field.fieldKind === 'list' && Array.isArray(json)) return json.map(one);
  if (field.fieldKind === 'map' && isObject(json))
    return objectOf(Object.entries(json).map(([key, value]) => [key, one(value)] as const));
  return one(json);
}

function exactLong(field: string, json: ExactJson): JsonValue {
  if (typeof json === 'bigint') return String(json);
  if (typeof json === 'string' && !/^-?\d+$/.test(json))
    throw invalidArgument({
      field,
      description: `must be a whole number, got ${JSON.stringify(json.slice(0, 64))}`,
    });
  return inexact(json);
}

function inexact(json: ExactJson): JsonValue {
  if (typeof json === 'bigint') return Number(json);
  if (Array.isArray(json)) return json.map(inexact);
  if (!isObject(json)) return json;
  return objectOf(Object.entries(json).map(([key, value]) => [key, inexact(value)] as const));
}

/** By definition, not assignment: a key may be `__proto__`. */
function objectOf(entries: readonly (readonly [string, JsonValue])[]): JsonObject {
  return Object.fromEntries(entries);
}

function isObject(json: ExactJson): json is { [key: string]: ExactJson } {
  return typeof json === 'object' && json !== null && !Array.isArray(json);
}
