import { InvalidArgumentError } from 'commander';
import { parseDuration, splitHostPort } from '@raftway/config';

/** What a mistyped value is answered with, before anything is tried. */
export { InvalidArgumentError };

/** Reads a whole number between two bounds. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isInteger(value) || value < least || value > most) {
      throw new InvalidArgumentError(`"${text}" is not a whole number from ${least} to ${most}.`);
    }
    return value;
  };
}

/** Reads `250ms`, `10s`, `5m` or `1h`, in milliseconds. */
export function duration(leastMs: number, mostMs: number): (text: string) => number {
  return (text) => {
    const valueMs = parseDuration(text);
    if (valueMs === undefined || valueMs < leastMs || valueMs > mostMs) {
      const example = 'such as 250ms, 10s, 5m or 1h';
      throw new InvalidArgumentError(
        `"${text}" is not a duration from ${leastMs / 1000} s to ${mostMs / 1000} s, ${example}.`,
      );
    }
    return valueMs;
  };
}

/** Reads `host:port`. */
export function address(text: string): string {
  const parts = splitHostPort(text.trim());
  if (parts === undefined || parts.port === 0) {
    throw new InvalidArgumentError(`"${text}" is not host:port.`);
  }
  return text.trim();
}

/** Reads `host:port,host:port,…`. */
export function addressList(text: string): readonly string[] {
  return text.split(',').map(address);
}

/** Reads `directory,directory,…`. */
export function directoryList(text: string): readonly string[] {
  const list = text.split(',').map((one) => one.trim());
  if (list.includes('')) throw new InvalidArgumentError('a directory has no name.');
  return list;
}
