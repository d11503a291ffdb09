import { type DescField, type DescMessage, type JsonValue, ScalarType } from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';

/** Well-known messages that are one text in JSON, and so in a path or a query. */
const textMessages = new Set([
  'google.protobuf.Timestamp',
  'google.protobuf.Duration',
  'google.protobuf.FieldMask',
]);

/**
 * The fields that a dotted path leads through, by their names in the proto or in JSON. All but the last are single messages.
 *
 * @returns undefined when there is no such field
 */
export function findField(message: DescMessage, path: readonly string[]): DescField[] | undefined {
  const fields: DescField[] = [];
  let within: DescMessage | undefined = message;
  for (const name of path) {
    const field: DescField | undefined = within?.fields.find(
      (one) => one.name === name || one.jsonName === name,
    );
    if (field === undefined) return undefined;
    fields.push(field);
    within = field.fieldKind === 'message' ? field.message : undefined;
  }
  return fields;
}

/** Whether a single value of the field can be written as a text. */
export function isText(field: DescField): boolean {
  if (field.fieldKind === 'scalar' || field.fieldKind === 'enum') return true;
  return field.fieldKind === 'message' && isTextMessage(field.message);
}

/** Whether the field can be repeated in a query, once for each of its values. */
export function isTextList(field: DescField): boolean {
  if (field.fieldKind !== 'list') return false;
  return field.listKind !== 'message' || isTextMessage(field.message);
}

function isTextMessage(message: DescMessage): boolean {
  return textMessages.has(message.typeName) || isWrapperDesc(message);
}

/**
 * The JSON value that a text stands for in this field, or for one item of it.
 *
 * @throws RangeError that says what the text must be
 */
export function jsonOfText(field: DescField, text: string): JsonValue {
  if (field.message !== undefined) {
    const { message } = field;
    const [value] = message.fields;
    return isWrapperDesc(message) && value !== undefined ? jsonOfText(value, text) : text;
  }
  if (field.enum !== undefined) return /^-?\d{1,10}$/.test(text) ? Number(text) : text;
  switch (field.scalar) {
    case undefined:
    case ScalarType.STRING:
      return text;
    case ScalarType.BYTES:
      // Base64 whose plus signs were not percent-encoded: a query reads them as spaces.
      return text.replaceAll(' ', '+');
    case ScalarType.BOOL:
      if (text !== 'true' && text !== 'false') throw mustBe('true or false', text);
      return text === 'true';
    case ScalarType.DOUBLE:
    case ScalarType.FLOAT:
      if (/^(NaN|-?Infinity|-?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?)$/.test(text)) return text;
      throw mustBe('a number', text);
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      if (/^\d{1,20}$/.test(text)) return text;
      throw mustBe('a whole number of 0 or more', text);
    default:
      if (/^-?\d{1,19}$/.test(text)) return text;
      throw mustBe('a whole number', text);
  }
}

function mustBe(what: string, text: string): RangeError {
  return new RangeError(`must be ${what}, got ${JSON.stringify(text.slice(0, 64))}`);
}
