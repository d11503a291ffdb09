import { type SourcedDocument } from './document-set';
import { type BackendPolicyDocument, type TrafficPolicyDocument } from './kinds/policies';
import { type SecurityPolicyDocument } from './kinds/security-policy';
import {
  type BackendSettings,
  compileBackendPolicy,
  compileTrafficPolicy,
  PolicyIndex,
  type TrafficSettings,
} from './policy-index';
import { compileSecurityPolicy, type SecuritySettings } from './security-settings';
import { policiesOf } from './sources';

/** The TrafficPolicies among documents. */
export function trafficPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<TrafficPolicyDocument, TrafficSettings> {
  return new PolicyIndex(
    policiesOf<TrafficPolicyDocument>(sources, 'TrafficPolicy'),
    compileTrafficPolicy,
  );
}

/** The BackendPolicies among documents. */
export function backendPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<BackendPolicyDocument, BackendSettings> {
  return new PolicyIndex(
    policiesOf<BackendPolicyDocument>(sources, 'BackendPolicy'),
    compileBackendPolicy,
  );
}

/** The SecurityPolicies among documents. */
export function securityPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<SecurityPolicyDocument, SecuritySettings> {
  return new PolicyIndex(
    policiesOf<SecurityPolicyDocument>(sources, 'SecurityPolicy'),
    compileSecurityPolicy,
  );
}
