import {
  type DescField,
  type DescMessage,
  fromBinary,
  type JsonObject,
  type JsonValue,
  type Message,
  type Registry,
  toJson,
} from '@bufbuild/protobuf';
import { reflect, type ReflectMessage } from '@bufbuild/protobuf/reflect';
import { Code, ServiceError } from '@raftway/errors';
import { answersRaw, type Binding } from './binding';

/** How messages are written as JSON. By default as protobuf prescribes. */
export interface JsonWriteSettings {
  /** Whether fields with their default are written, too. */
  readonly emitDefaults?: boolean | undefined;
  /** Whether enums are written as their numbers. */
  readonly enumsAsIntegers?: boolean | undefined;
  /** Whether names are those of the proto instead of lowerCamelCase. */
  readonly protoNames?: boolean | undefined;
  /** Where the types of google.protobuf.Any are found. */
  readonly registry?: Registry | undefined;
}

/** What is sent for one response message. */
export interface HttpAnswer {
  readonly contentType: string;
  readonly body: Uint8Array;
}

/** What can stand in a header, and is not empty. */
const mediaType = /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/;

/** The media type of JSON. */
const jsonType = 'application/json';

/**
 * Writes a response message as the binding says: all of it or one field, as JSON or as it is.
 *
 * @throws ServiceError INTERNAL `RESPONSE_MALFORMED` when the bytes are not that message, or have no JSON
 */
export function buildAnswer(
  binding: Binding,
  message: Uint8Array,
  settings: JsonWriteSettings = {},
): HttpAnswer {
  const { output } = binding.method;
  try {
    const decoded = fromBinary(output, message);
    if (answersRaw(binding)) return rawAnswer(output, decoded, binding.responseBody);
    const json = answerJson(output, decoded, binding.responseBody, settings);
    return { contentType: jsonType, body: Buffer.from(JSON.stringify(json)) };
  } catch (cause) {
    throw new ServiceError({
      code: Code.internal,
      reason: 'RESPONSE_MALFORMED',
      message: `the answer is no ${output.typeName} that can be written as JSON`,
      cause,
    });
  }
}

function answerJson(
  output: DescMessage,
  message: Message,
  field: DescField | undefined,
  settings: JsonWriteSettings,
): JsonValue {
  const options = {
    alwaysEmitImplicit: settings.emitDefaults ?? false,
    enumAsInteger: settings.enumsAsIntegers ?? false,
    useProtoFieldName: settings.protoNames ?? false,
    registry: settings.registry,
  };
  const json = toJson(output, message, options);
  if (field === undefined) return json;
  const name = options.useProtoFieldName ? field.name : field.jsonName;
  // A field with its default is left out of the whole, but is what was asked for here.
  const whole = (json as JsonObject)[name] === undefined;
  const complete = whole ? toJson(output, message, { ...options, alwaysEmitImplicit: true }) : json;
  return (complete as JsonObject)[name] ?? null;
}

function rawAnswer(
  output: DescMessage,
  message: Message,
  field: DescField | undefined,
): HttpAnswer {
  const whole = reflect(output, message);
  const body = field === undefined ? whole : (whole.get(field) as ReflectMessage);
  const [typeField, dataField] = body.fields;
  const contentType = typeField === undefined ? '' : (body.get(typeField) as string);
  return {
    contentType: mediaType.test(contentType) ? contentType : 'application/octet-stream',
    body: dataField === undefined ? new Uint8Array() : (body.get(dataField) as Uint8Array),
  };
}
