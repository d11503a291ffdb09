export { readAppList, type AppEntry } from './app-list';
export { ConfigError, type ConfigProblem } from './config-error';
export { parseConfigFile, type ConfigFile, type FileEntry } from './config-file';
export {
  describeOptions,
  formatOptionsHelp,
  formatOptionsTable,
  type OptionDescription,
} from './describe-options';
export { editDistance, nearest } from './distance';
export { formatDuration, parseDuration } from './duration';
export { joinHostPort, splitHostPort, type HostPort } from './host-port';
export {
  CONFIG_FILE_VARIABLE,
  loadOptions,
  type Environment,
  type LoadOptionsInput,
  type OptionsSchema,
} from './load-options';
export { fileKey, variableName } from './option-names';
export { describeTarget, parseRedisUrl, redisUrl, type RedisTarget } from './redis-url';
export {
  boolean,
  durationMs,
  hostPort,
  hostPortList,
  integer,
  isoDate,
  oneOf,
  isOrigin,
  originList,
  peers,
  text,
} from './option-types';
