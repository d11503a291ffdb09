import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  ScalarType,
} from '@bufbuild/protobuf';
import { isWrapperDesc } from '@bufbuild/protobuf/wkt';

/** JSON Schemas of scalars as protobuf's JSON has them: 64-bit numbers are texts. */
const scalars: Readonly<Record<ScalarType, JsonObject>> = {
  [ScalarType.DOUBLE]: floatSchema('double'),
  [ScalarType.FLOAT]: floatSchema('float'),
  [ScalarType.INT64]: { type: 'string', format: 'int64' },
  [ScalarType.UINT64]: { type: 'string', format: 'uint64' },
  [ScalarType.INT32]: { type: 'integer', format: 'int32' },
  [ScalarType.FIXED64]: { type: 'string', format: 'uint64' },
  [ScalarType.FIXED32]: { type: 'integer', format: 'uint32', minimum: 0 },
  [ScalarType.BOOL]: { type: 'boolean' },
  [ScalarType.STRING]: { type: 'string' },
  [ScalarType.BYTES]: { type: 'string', contentEncoding: 'base64' },
  [ScalarType.UINT32]: { type: 'integer', format: 'uint32', minimum: 0 },
  [ScalarType.SFIXED32]: { type: 'integer', format: 'int32' },
  [ScalarType.SFIXED64]: { type: 'string', format: 'int64' },
  [ScalarType.SINT32]: { type: 'integer', format: 'int32' },
  [ScalarType.SINT64]: { type: 'string', format: 'int64' },
};

/** Messages with a JSON of their own; source: "ProtoJSON Format" of protobuf's documentation. */
const wellKnown = new Map<string, JsonObject>(
  Object.entries({
    'google.protobuf.Timestamp': { type: 'string', format: 'date-time' },
    'google.protobuf.Duration': { type: 'string', pattern: '^-?[0-9]+(\\.[0-9]{1,9})?s$' },
    'google.protobuf.FieldMask': {
      type: 'string',
      description: 'Field names, separated by commas.',
    },
    'google.protobuf.Empty': { type: 'object' },
    'google.protobuf.Struct': { type: 'object', additionalProperties: true },
    'google.protobuf.ListValue': { type: 'array', items: {} },
    'google.protobuf.Value': {},
    'google.protobuf.Any': {
      type: 'object',
      properties: { '@type': { type: 'string' } },
      required: ['@type'],
      additionalProperties: true,
    },
  }),
);

function floatSchema(format: string): JsonObject {
  return {
    anyOf: [
      { type: 'number', format },
      { type: 'string', enum: ['NaN', 'Infinity', '-Infinity'] },
    ],
  };
}

/** Collects the schemas of the messages that a document refers to. */
export class SchemaCollector {
  private readonly schemas = new Map<string, JsonObject>();

  /** `components.schemas`, by full name. */
  components(): JsonObject {
    return Object.fromEntries([...this.schemas].sort(([a], [b]) => (a < b ? -1 : 1)));
  }

  /** The schema of a message, or a reference to it. */
  ofMessage(message: DescMessage): JsonObject {
    const own = wellKnown.get(message.typeName);
    if (own !== undefined) return own;
    const [value] = message.fields;
    if (isWrapperDesc(message) && value !== undefined) return this.ofField(value);
    if (!this.schemas.has(message.typeName)) {
      // Reserved first: a message may contain itself.
      this.schemas.set(message.typeName, {});
      this.schemas.set(message.typeName, this.objectOf(message));
    }
    return reference(message.typeName);
  }

  /** The schema of a field's value. */
  ofField(field: DescField): JsonObject {
    switch (field.fieldKind) {
      case 'list':
        return { type: 'array', items: this.ofItem(field) };
      case 'map':
        return { type: 'object', additionalProperties: this.ofItem(field) };
      default:
        return this.ofItem(field);
    }
  }

  private ofItem(field: DescField): JsonObject {
    if (field.message !== undefined) return this.ofMessage(field.message);
    if (field.enum !== undefined) return this.ofEnum(field.enum);
    return field.scalar === undefined ? {} : scalars[field.scalar];
  }

  private ofEnum(type: DescEnum): JsonObject {
    if (type.typeName === 'google.protobuf.NullValue') return { type: 'null' };
    this.schemas.set(type.typeName, { type: 'string', enum: type.values.map(({ name }) => name) });
    return reference(type.typeName);
  }

  private objectOf(message: DescMessage): JsonObject {
    const properties = message.fields.map(
      (field) => [field.jsonName, this.ofField(field)] as const,
    );
    return {
      type: 'object',
      properties: Object.fromEntries(properties),
      additionalProperties: false,
    };
  }
}

function reference(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}
