export * from './gen/google/rpc/error_details';
export { Status } from './gen/google/rpc/status';
