import { z } from 'zod';
import type { OptionsSchema } from './load-options';
import { fileKey, variableName } from './option-names';
import type { OptionTypeMeta } from './option-types';

/** One option as people read it. */
export interface OptionDescription {
  /** Key in the file. */
  readonly key: string;
  readonly variable: string;
  readonly type: string;
  /** Which values of the type are accepted; undefined for all of them. */
  readonly limits: string | undefined;
  readonly description: string;
  /** As it would be written; undefined when there is none. */
  readonly defaultText: string | undefined;
  readonly required: boolean;
}

/** The options of a schema in its order: for --help and for the tables in the READMEs. */
export function describeOptions(schema: OptionsSchema): OptionDescription[] {
  const shape = Object.entries(schema.shape) as [string, z.core.$ZodType][];
  return shape.map(([option, type]) => {
    const found = unwrap(type);
    const defaultValue = found.defaultValue;
    return {
      key: fileKey(option),
      variable: variableName(option),
      type: found.meta?.optionType ?? 'text',
      limits: found.meta?.limits,
      description: found.description ?? '',
      defaultText:
        found.defaultText ??
        (defaultValue === undefined ? undefined : format(defaultValue, found.meta)),
      required: !found.optional,
    };
  });
}

interface Unwrapped {
  meta?: OptionTypeMeta;
  description?: string;
  defaultText?: string;
  defaultValue?: unknown;
  optional: boolean;
}

/** Looks through `.default()`, `.optional()` and the like for the option type, and collects what the layers say. */
function unwrap(schema: z.core.$ZodType): Unwrapped {
  const found: Unwrapped = { optional: false };
  let layer: z.core.$ZodType | undefined = schema;
  while (layer !== undefined) {
    const meta = z.globalRegistry.get(layer) as
      (Partial<OptionTypeMeta> & { description?: string; defaultText?: string }) | undefined;
    if (meta?.description !== undefined) found.description ??= meta.description;
    if (meta?.defaultText !== undefined) found.defaultText ??= meta.defaultText;
    if (meta?.optionType !== undefined) found.meta ??= meta as OptionTypeMeta;
    if (layer instanceof z.ZodDefault) {
      found.defaultValue ??= layer.def.defaultValue;
      found.optional = true;
    }
    if (layer instanceof z.ZodOptional) found.optional = true;
    layer = (layer._zod.def as { innerType?: z.core.$ZodType }).innerType;
  }
  return found;
}

function format(value: unknown, meta: OptionTypeMeta | undefined): string {
  return meta?.format === undefined ? String(value) : meta.format(value as never);
}

/** Lines for --help: variable, type and default, then the description. */
export function formatOptionsHelp(schema: OptionsSchema): string {
  return describeOptions(schema)
    .map(({ variable, type, description, defaultText, required }) => {
      const preset = defaultText === undefined ? (required ? 'required' : '') : defaultText;
      const head = `  ${variable} (${type})${preset === '' ? '' : `  [${preset}]`}`;
      return description === '' ? head : `${head}\n      ${description}`;
    })
    .join('\n');
}

/** A Markdown table for a README. */
export function formatOptionsTable(schema: OptionsSchema): string {
  const rows = describeOptions(schema).map(
    ({ variable, type, description, defaultText, required }) => {
      const preset =
        defaultText === undefined ? (required ? 'required' : '') : `\`${defaultText}\``;
      return `| \`${variable}\` | ${type.replaceAll('|', '\\|')} | ${description} | ${preset} |`;
    },
  );
  return ['| variable | type | meaning | default |', '|---|---|---|---|', ...rows].join('\n');
}
