import { isKind, type SourcedDocument } from './document-set';
import { type AnyDocument } from './kinds';
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

/** The TrafficPolicies among documents. */
export function trafficPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<TrafficPolicyDocument, TrafficSettings> {
  const policies = sources.filter((source) =>
    isKind<TrafficPolicyDocument>(source, 'TrafficPolicy'),
  );
  return new PolicyIndex(byOrder(policies), compileTrafficPolicy);
}

/** The BackendPolicies among documents. */
export function backendPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<BackendPolicyDocument, BackendSettings> {
  const policies = sources.filter((source) =>
    isKind<BackendPolicyDocument>(source, 'BackendPolicy'),
  );
  return new PolicyIndex(byOrder(policies), compileBackendPolicy);
}

/** The SecurityPolicies among documents. */
export function securityPolicies(
  sources: readonly SourcedDocument[],
): PolicyIndex<SecurityPolicyDocument, SecuritySettings> {
  const policies = sources.filter((source) =>
    isKind<SecurityPolicyDocument>(source, 'SecurityPolicy'),
  );
  return new PolicyIndex(byOrder(policies), compileSecurityPolicy);
}

function byOrder<D extends AnyDocument>(
  sources: readonly SourcedDocument<D>[],
): SourcedDocument<D>[] {
  return [...sources].sort((a, b) => (a.order < b.order ? -1 : 1));
}
