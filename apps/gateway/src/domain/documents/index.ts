export {
  type CompiledDocuments,
  compileDocuments,
  type DocumentStatus,
  type DocumentNeeds,
} from './compile';
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
export { hedgeAfterText } from './policies/hedging';
export { type ProtectionPolicy } from './policies/protection';
export { type SecurityPolicyDocument } from './kinds/security-policy';
export { type ApiKey, type ApiKeySettings, parseApiKeys } from './policies/api-keys';
export { type ExternalAuthorizationSettings } from './policies/external-authorization';
export { jwksKeysMax, type JwtSettings, type KeySource, type TokenIssuer } from './policies/jwt';
export { drawFault, type FaultAbort, isForCall } from './policies/fault';
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
export { type Mirror } from './request-mirror';
export { type CallFacts, type RouteEntry } from './route-index';
export { type SecuritySettings } from './security-settings';
export { type CallSecurity, type SecurityTable } from './security-table';
export { type RuleTraffic } from './rule-traffic';
export { type SessionSettings } from './session-persistence';
export { faultText, mirrorText, sessionText } from './traffic-texts';
