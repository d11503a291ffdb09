import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import { ConfigError, type ConfigProblem } from './config-error';

/** A configuration file's text and the name it is reported under. */
export interface ConfigFile {
  readonly path: string;
  readonly text: string;
}

/** One key of the file. */
export interface FileEntry {
  readonly value: unknown;
  /** `path:line` of the key. */
  readonly where: string;
}

/** Reads a YAML file of one level of keys. @throws ConfigError with the line of each syntax error, or when it is not a map. */
export function parseConfigFile(file: ConfigFile): ReadonlyMap<string, FileEntry> {
  const lines = new LineCounter();
  const document = parseDocument(file.text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number): string => `${file.path}:${lines.linePos(offset).line}`;
  if (document.errors.length > 0) {
    throw new ConfigError(
      document.errors.map((error): ConfigProblem => ({
        where: at(error.pos[0]),
        message: `is not valid YAML: ${error.message}`,
      })),
    );
  }
  const entries = new Map<string, FileEntry>();
  if (document.contents === null) return entries;
  if (!isMap(document.contents)) {
    throw new ConfigError([{ where: `${file.path}:1`, message: 'must be a map of option names' }]);
  }
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : String(key);
    const offset = isScalar(key) ? (key.range?.[0] ?? 0) : 0;
    const plain = value as { toJS?: (doc: unknown) => unknown } | null;
    entries.set(name, { value: plain?.toJS?.(document), where: at(offset) });
  }
  return entries;
}
