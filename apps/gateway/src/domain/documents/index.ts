export { type CompiledDocuments, compileDocuments, type DocumentStatus } from './compile';
export { changedPath, type HttpTarget } from './compile-http-route';
export {
  type CompiledComposite,
  type CompiledPart,
  compositeLine,
  type CompositeMatch,
  CompositeTable,
  type PartCaching,
  type PartFaults,
  partText,
  pathText,
} from './composites';
export { type CompiledRule, pickBackend, type RuleBackend } from './compile-route';
export { type Condition, type Fault } from './conditions';
export { DocumentTable } from './document-table';
export { type Difference, difference, routeLine } from './difference';
export { documentSet, type DocumentSet, type ReadText, readText } from './document-set';
export { type Considered, explainMatch } from './explanation';
export { hostOf } from './hostnames';
export { callTimeoutMs, type Timeouts } from './policies/timeouts';
export {
  lesserLimit,
  type MessageLimit,
  type TranscodeSettings,
  transcodingTexts,
  type WebProtocolName,
} from './policies/transcoding';
export { httpActionText, httpMatchText } from './http-explanation';
export { comparablePath } from './http-path';
export {
  failedCondition,
  type HttpEntry,
  type HttpFacts,
  type HttpRouteIndex,
} from './http-route-index';
export { type BackendSettings } from './policy-index';
export {
  type DocumentFile,
  type DocumentProblem,
  readDocument,
  splitDocuments,
} from './read-documents';
export { type CallFacts, type RouteEntry } from './route-index';
