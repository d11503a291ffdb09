export { buildAnswer, type HttpAnswer, type JsonWriteSettings } from './response';
export {
  answersRaw,
  answersStream,
  type Binding,
  bindMethod,
  grpcPathOf,
  isHttpBody,
  type MethodBindings,
  takesStream,
} from './binding';
export { type JsonReadSettings } from './json-body';
export { jsonItems } from './json-items';
export { LineSplitter } from './line-splitter';
export { openApiDocument, type OpenApiInfo } from './openapi';
export { buildRequest, type HttpRequestParts, type RequestSettings } from './request';
export { type PathValue, type Routable, type RouteMatch, Router } from './router';
export { SchemaFiles } from './schema';
export { type GrpcStatus, httpStatusOf, type StatusDetail, statusJson } from './status';
export { type StreamFormat, streamFormatFor } from './stream-format';
export { wellKnownFiles } from './well-known-files';
