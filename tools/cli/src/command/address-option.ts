import { Option } from 'commander';
import { address } from './parsers';

/** Whom commands call that go through the gateway. */
export function addressOption(): Option {
  return new Option('-a, --address <host:port>', 'whom to call: the gateway, or any server')
    .env('RAFTWAY_GATEWAY')
    .default('127.0.0.1:8080')
    .argParser(address);
}
