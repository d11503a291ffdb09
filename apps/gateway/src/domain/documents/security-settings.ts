import { type AccessRules } from '../security/access-rules';
import { namespaceOf } from './attachment';
import { type SecurityPolicyDocument } from './kinds/security-policy';
import { compileAccessRules } from './policies/access-rules';
import { type ApiKeySettings, compileApiKeys } from './policies/api-keys';
import {
  type ClientCertificateSettings,
  compileClientCertificates,
} from './policies/client-certificates';
import {
  compileExternalAuthorization,
  type ExternalAuthorizationSettings,
} from './policies/external-authorization';
import { compileJwt, type JwtSettings } from './policies/jwt';

/** What a SecurityPolicy says; an absent part is off. */
export interface SecuritySettings {
  /** `SecurityPolicy namespace/name`. */
  readonly id: string;
  /** The same object as long as it has not changed. */
  readonly document: SecurityPolicyDocument;
  readonly jwt: JwtSettings | undefined;
  readonly apiKeys: ApiKeySettings | undefined;
  readonly mtls: ClientCertificateSettings | undefined;
  /** Whether callers may show nothing. */
  readonly anonymous: boolean;
  readonly externalAuthorization: ExternalAuthorizationSettings | undefined;
  readonly rules: AccessRules | undefined;
  /** Headers that it tells instances something in, in lower case: clients may not send them, whatever they call. */
  readonly toldHeaders: readonly string[];
}

/** What a SecurityPolicy compiles to. */
export function compileSecurityPolicy(document: SecurityPolicyDocument): SecuritySettings {
  const { spec, metadata } = document;
  const jwt = spec.jwt && compileJwt(spec.jwt);
  const externalAuthorization =
    spec.externalAuthorization && compileExternalAuthorization(spec.externalAuthorization);
  return {
    id: `SecurityPolicy ${namespaceOf(document)}/${metadata.name}`,
    document,
    jwt,
    apiKeys: spec.apiKeys && compileApiKeys(spec.apiKeys),
    mtls: spec.mtls && compileClientCertificates(spec.mtls),
    anonymous: spec.anonymous,
    externalAuthorization,
    rules: spec.rules && compileAccessRules(spec.rules),
    toldHeaders: [
      ...(jwt?.issuers ?? []).flatMap(({ claimHeaders }) =>
        claimHeaders.map(({ header }) => header),
      ),
      ...(externalAuthorization?.headersUpstream ?? []),
    ],
  };
}
