import { Option } from 'commander';
import { duration } from '../command/parsers';

const HOUR_MS = 3_600_000;

/** `--ttl`, as all commands have it: the time to live of the session under which a lock is held. */
export function ttlOption(what: string): Option {
  return new Option('--ttl <duration>', what)
    .argParser(duration(1000, 24 * HOUR_MS))
    .default(10_000, '10s');
}

/** `--wait`, as all commands have it: how long a call may wait in a lock's queue. */
export function waitOption(): Option {
  return new Option('--wait <duration>', 'how long to wait for the lock')
    .argParser(duration(0, HOUR_MS))
    .default(0, 'try once');
}
