import { readFileSync } from 'node:fs';
import type { z } from 'zod';
import { ConfigError, type ConfigProblem } from './config-error';
import { parseConfigFile, type ConfigFile, type FileEntry } from './config-file';
import { nearest } from './distance';
import { fileKey, PREFIX, variableName } from './option-names';

/** A flat schema of options: a `z.object` of the types in option-types.ts. */
export type OptionsSchema = z.ZodObject;

/** Environment variables, as in `process.env`. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** Names the YAML file; known to every program. */
export const CONFIG_FILE_VARIABLE = 'RAFTWAY_CONFIG_FILE';

/** What {@link loadOptions} reads. */
export interface LoadOptionsInput<Schema extends OptionsSchema> {
  readonly schema: Schema;
  readonly environment: Environment;
  /** Instead of the file that RAFTWAY_CONFIG_FILE names. @default that file, if any */
  readonly file?: ConfigFile | undefined;
  /** Other RAFTWAY_ variables that this program knows and that are no options. @default none */
  readonly ignoredVariables?: readonly string[] | undefined;
}

/**
 * Options from environment and file, validated. A variable wins over the file's key; an empty variable counts as not set.
 *
 * @throws ConfigError that names everything that is wrong at once: unknown variables and keys with the nearest valid name, and values
 * that break their option's rule, each with its variable or `file:line`.
 */
export function loadOptions<Schema extends OptionsSchema>(
  input: LoadOptionsInput<Schema>,
): z.output<Schema> {
  const options = Object.keys(input.schema.shape);
  const problems: ConfigProblem[] = [];
  const entries = fileEntries(input, problems);
  problems.push(...unknownKeys(entries, options), ...unknownVariables(input, options));

  const values: Record<string, unknown> = {};
  const sources = new Map<string, string>();
  for (const option of options) {
    const variable = input.environment[variableName(option)];
    const entry = entries.get(fileKey(option));
    if (variable !== undefined && variable !== '') {
      values[option] = variable;
      sources.set(option, variableName(option));
    } else if (entry !== undefined && entry.value !== null) {
      values[option] = entry.value;
      sources.set(option, `${entry.where} ${fileKey(option)}`);
    }
  }
  const parsed = input.schema.safeParse(values);
  if (!parsed.success) {
    for (const issue of parsed.error.issues) {
      problems.push(issueProblem(String(issue.path[0] ?? ''), issue.message, sources));
    }
  }
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

function issueProblem(
  option: string,
  message: string,
  sources: ReadonlyMap<string, string>,
): ConfigProblem {
  const where = sources.get(option);
  if (where !== undefined) return { where, message };
  return option === ''
    ? { where: 'the configuration', message }
    : { where: variableName(option), message: 'is required' };
}

function fileEntries(
  input: LoadOptionsInput<OptionsSchema>,
  problems: ConfigProblem[],
): ReadonlyMap<string, FileEntry> {
  try {
    const file = input.file ?? readConfigFile(input.environment[CONFIG_FILE_VARIABLE]);
    return file === undefined ? new Map<string, FileEntry>() : parseConfigFile(file);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    problems.push(...error.problems);
    return new Map();
  }
}

function readConfigFile(path: string | undefined): ConfigFile | undefined {
  if (path === undefined || path === '') return undefined;
  try {
    return { path, text: readFileSync(path, 'utf8') };
  } catch (error) {
    const { code = 'an error' } = error as { code?: string };
    const message = `names ${path}, which cannot be read: ${code}`;
    throw new ConfigError([{ where: CONFIG_FILE_VARIABLE, message }]);
  }
}

function unknownKeys(
  entries: ReadonlyMap<string, FileEntry>,
  options: readonly string[],
): ConfigProblem[] {
  const known = options.map(fileKey);
  return [...entries]
    .filter(([key]) => !known.includes(key))
    .map(([key, { where }]) => ({
      where,
      message: `${key} is not an option; the nearest is ${nearest(key, known) ?? 'none'}`,
    }));
}

function unknownVariables(
  input: LoadOptionsInput<OptionsSchema>,
  options: readonly string[],
): ConfigProblem[] {
  const known = [...options.map(variableName), CONFIG_FILE_VARIABLE];
  const ignored = new Set([...known, ...(input.ignoredVariables ?? [])]);
  return Object.keys(input.environment)
    .filter((name) => name.startsWith(PREFIX) && !ignored.has(name))
    .sort()
    .map((name) => ({
      where: name,
      message: `is not an option; the nearest is ${nearest(name, known) ?? 'none'}`,
    }));
}
