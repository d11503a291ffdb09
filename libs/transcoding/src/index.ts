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
export { type ExactJson, type JsonReadSettings, readExactJson } from './json-body';
export { jsonItems } from './json-items';
export { LineSplitter } from './line-splitter';
export { openApiDocument, type OpenApiInfo } from './openapi';
export { type OpenApiComposite } from './openapi-composite';
export { parsePathTemplate, type PathTemplate } from './path-template';
export { parseQuery, type QueryParameter } from './query';
export { buildRequest, type HttpRequestParts, type RequestSettings } from './request';
export {
  checkTemplate,
  fillTemplate,
  parseRequestTemplate,
  referenceText,
  referencesIn,
  type RequestTemplate,
  type TemplateReference,
  type TemplateSources,
  unusedField,
} from './request-template';
export { type PathValue, type Routable, type RouteMatch, Router } from './router';
export { SchemaFiles } from './schema';
export { type GrpcStatus, httpStatusOf, type StatusDetail, statusJson } from './status';
export { type StreamFormat, streamFormatFor, streamFormats } from './stream-format';
export { wellKnownFiles } from './well-known-files';
