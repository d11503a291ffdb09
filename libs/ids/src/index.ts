export { IdError, type IdErrorCode, type IdErrorDetails } from './id-error';
export {
  decodeSnowflake,
  encodeSnowflake,
  formatSnowflake,
  inspectSnowflake,
  SNOWFLAKE_MAX,
  SNOWFLAKE_SEQUENCE_MAX,
  SNOWFLAKE_TIMESTAMP_MAX,
  SNOWFLAKE_WORKER_MAX,
  type InspectedSnowflake,
  type SnowflakeParts,
} from './snowflake';
export { SnowflakeGenerator, type SnowflakeGrant } from './snowflake-generator';
