const COLORS: Readonly<Record<string, string>> = {
  debug: '\u001b[90m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
  fatal: '\u001b[31m',
};
const RESET = '\u001b[0m';

/**
 * One JSON log line as a line for people: `12:00:00.000 INFO  lock-service  lock granted  name="a"`. An error's stack follows, indented.
 * Colours only when stdout is a terminal and NO_COLOR is not set.
 */
export function prettyLine(
  json: string,
  colored = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined,
): string {
  const {
    time = '',
    level = '',
    name,
    msg = '',
    error,
    ...fields
  } = JSON.parse(json) as {
    time?: string;
    level?: string;
    name?: string;
    msg?: string;
    error?: unknown;
  };
  const label = level.toUpperCase().padEnd(5);
  const parts = [
    time.slice(11, 23),
    colored ? `${COLORS[level] ?? ''}${label}${RESET}` : label,
    ...(name === undefined ? [] : [name]),
    msg,
    ...Object.entries(fields).map(([key, value]) => `${key}=${JSON.stringify(value)}`),
  ];
  return `${parts.join('  ')}${errorText(error)}\n`;
}

function errorText(error: unknown): string {
  if (error === undefined) return '';
  if (typeof error !== 'object' || error === null) return `  error=${JSON.stringify(error)}`;
  const { stack, message, cause } = error as { stack?: string; message?: string; cause?: unknown };
  const text = stack ?? message ?? JSON.stringify(error);
  const indented = text.replace(/^/gm, '    ');
  return `\n${indented}${cause === undefined ? '' : `\n    caused by:${errorText(cause)}`}`;
}
