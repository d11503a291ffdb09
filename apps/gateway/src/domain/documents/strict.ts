import { nearest } from '@raftway/config';
import { z } from 'zod';

/** A known field that the gateway does not act on. */
export interface UnusedField {
  /** Such as `spec.rules[0].backendRefs[0].port`. */
  readonly path: string;
  readonly why: string;
}

const whyUnused = z.registry<{ why: string }>();

/** An object that takes these fields and no others; a wrong one is answered with the nearest, one line a field. */
export function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const valid = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) =>
      issue.code === 'unrecognized_keys'
        ? issue.keys.map((key) => unknownField(key, valid)).join('\n')
        : undefined,
  });
}

/** A field of the specification that is taken, whatever is in it, and reported as not acted on. */
export function unused(why: string) {
  const schema = z.unknown().describe(`Taken and not acted on: ${why}.`);
  whyUnused.add(schema, { why });
  return schema.optional();
}

/** Which fields of a value are known and not acted on. */
export function unusedFields(schema: z.core.$ZodType, value: unknown, path = ''): UnusedField[] {
  if (value === undefined) return [];
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault)
    return unusedFields(schema.unwrap(), value, path);
  const note = whyUnused.get(schema);
  if (note !== undefined) return [{ path, why: note.why }];
  if (schema instanceof z.ZodArray && Array.isArray(value))
    return value.flatMap((item, index) => unusedFields(schema.element, item, `${path}[${index}]`));
  if (!(schema instanceof z.ZodObject)) return [];
  const fields = value as Record<string, unknown>;
  return Object.entries(schema.shape as z.ZodRawShape).flatMap(([key, type]) =>
    unusedFields(type, fields[key], path === '' ? key : `${path}.${key}`),
  );
}

function unknownField(key: string, valid: readonly string[]): string {
  return `unknown field ${JSON.stringify(key)}: did you mean ${nearest(key, valid)}? Known here: ${valid.join(', ')}`;
}
