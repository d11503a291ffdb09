import { Code, ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2';
import { type Logger } from '@raftway/observability';
import { type Fault, type SecuritySettings } from '../domain/documents';
import { type AccessDecision } from '../domain/security/access-rules';
import { anonymous, type CallIdentity } from '../domain/call-identity';
import { RecentLists } from '../domain/recent-lists';
import { identified, identityHeaders } from '../domain/security/identity-headers';
import * as refusal from '../domain/security/refusals';
import { ApiKeyRing } from './api-key-ring';
import { type Authorizer } from './authorizer';
import { type CallFacts, headerValues } from './call-facts';
import { type KnownCaller, tokensIn, TokenVerifier, type TrustedIssuer } from './token-verifier';

/** A call that may pass. */
export interface Admission {
  /** The call's own, without what ends here, and with what instances are told. */
  readonly headers: HeaderPairs;
  readonly identity: CallIdentity | undefined;
  /** Whether it passes only because nobody could be asked. */
  readonly failedOpen: boolean;
}

/** A call that may not. */
export interface Denial {
  readonly error: ServiceError;
  /** Who was denied it; undefined when what the caller shows is not good. */
  readonly identity: CallIdentity | undefined;
}

/** What becomes of a call. */
export type Judgement = Admission | Denial;

/** What a policy says of a call, told. */
export interface GuardExplanation {
  /** Undefined when the caller is refused for what it shows. */
  readonly identity: CallIdentity | undefined;
  /** Undefined when there are no rules. */
  readonly decision: AccessDecision | undefined;
  readonly asksAuthorizer: boolean;
  readonly error: ServiceError | undefined;
}

/** What a {@link Guard} is made of. */
export interface GuardParts {
  readonly issuers: readonly TrustedIssuer[];
  readonly authorizer: Authorizer | undefined;
  /** Whether clients are asked for certificates at all. */
  readonly asksCertificates: boolean;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly wallMs: () => number;
}

/** An {@link Admission} that nobody else was asked about, and what it was made from beside the call's headers. */
interface AdmittedBefore {
  readonly told: ReadonlySet<string>;
  readonly caller: KnownCaller;
  readonly admission: Admission;
}

const nobody: KnownCaller = { identity: anonymous, headers: identityHeaders(anonymous, []) };

/** Judges calls by one SecurityPolicy. What is known is judged at once; what has to be found out, later. */
export class Guard {
  private readonly verifier: TokenVerifier | undefined;
  private readonly ring: ApiKeyRing | undefined;
  /** Headers of credentials that instances do not get. */
  private readonly credentials: ReadonlySet<string>;
  /** What would do, in words. */
  private readonly wanted: string;
  private readonly recent = new RecentLists<AdmittedBefore>();

  constructor(
    readonly settings: SecuritySettings,
    private readonly parts: GuardParts,
  ) {
    const { id, jwt, apiKeys } = settings;
    this.verifier = jwt && new TokenVerifier(id, parts.issuers, parts.wallMs);
    this.ring = apiKeys && new ApiKeyRing(apiKeys, parts.logger);
    const ending = [jwt, apiKeys].filter((part) => part?.forward === false);
    this.credentials = new Set(ending.flatMap((part) => part?.header ?? []));
    this.wanted = wantedText(settings);
  }

  close(): void {
    this.ring?.close();
    this.parts.authorizer?.close();
  }

  /** What is not there now that calls are to be judged by. */
  faults(): Fault[] {
    const messages = this.parts.issuers.flatMap(({ settings, keys }) =>
      keys.fault === undefined ? [] : `keys of ${settings.issuer}: ${keys.fault}`,
    );
    if (this.ring?.fault !== undefined) messages.push(`API keys: ${this.ring.fault}`);
    if (this.settings.mtls !== undefined && !this.parts.asksCertificates)
      messages.push('mtls: clients are not asked for certificates (RAFTWAY_TLS_CLIENT_AUTH)');
    return messages.map((message) => ({ reason: 'NotLoaded', message }));
  }

  /** @param told headers that policies tell instances something in */
  judge(call: CallFacts, told: ReadonlySet<string>): Judgement | Promise<Judgement> {
    const caller = this.authenticate(call);
    return caller instanceof Promise
      ? caller.then((known) => this.authorize(call, told, known))
      : this.authorize(call, told, caller);
  }

  /** The same, told; nobody else is asked. */
  async explain(call: CallFacts): Promise<GuardExplanation> {
    const caller = await this.authenticate(call);
    const asksAuthorizer = this.parts.authorizer !== undefined;
    if (caller instanceof ServiceError)
      return { identity: undefined, decision: undefined, asksAuthorizer, error: caller };
    const { identity } = caller;
    const decision = this.settings.rules?.decide(identity, call.path);
    return { identity, decision, asksAuthorizer, error: this.refusalBy(decision, call, identity) };
  }

  /** What an HTTP client is told to show (RFC 9110 §11.6.1), as headers. */
  challengeOf({ code, reason }: ServiceError): HeaderPairs {
    if (code !== Code.unauthenticated) return [];
    const { jwt, apiKeys, mtls } = this.settings;
    const error = reason === 'TOKEN_INVALID' ? ', error="invalid_token"' : '';
    const challenges = [
      jwt && `Bearer realm="raftway"${error}`,
      apiKeys && `ApiKey realm="raftway", header="${apiKeys.header}"`,
      mtls && 'Certificate realm="raftway"',
    ];
    return challenges.flatMap((text) => (text === undefined ? [] : ['www-authenticate', text]));
  }

  private authorize(
    call: CallFacts,
    told: ReadonlySet<string>,
    caller: KnownCaller | ServiceError,
  ): Judgement | Promise<Judgement> {
    if (caller instanceof ServiceError) return { error: caller, identity: undefined };
    const { identity } = caller;
    const decision = this.settings.rules?.decide(identity, call.path);
    const error = this.refusalBy(decision, call, identity);
    if (error !== undefined) return { error, identity };
    const { authorizer } = this.parts;
    if (authorizer === undefined) return this.admitKnown(call, told, caller);
    const admit = (more: readonly string[], failedOpen: boolean): Admission => {
      const added = more.length === 0 ? caller.headers : [...caller.headers, ...more];
      const headers = identified(call.headers, told, this.credentials, added);
      return { headers, identity, failedOpen };
    };
    return authorizer
      .ask(call, identity, call.timeoutMs)
      .then((answer) =>
        answer instanceof ServiceError
          ? { error: answer, identity }
          : admit(answer.headers, answer.failedOpen),
      );
  }

  /** Whoever calls again says the same again. */
  private admitKnown(call: CallFacts, told: ReadonlySet<string>, caller: KnownCaller): Admission {
    const known = this.recent.get(call.headers);
    if (known?.told === told && known.caller === caller) return known.admission;
    const headers = identified(call.headers, told, this.credentials, caller.headers);
    const admission = { headers, identity: caller.identity, failedOpen: false };
    this.recent.set(call.headers, { told, caller, admission });
    return admission;
  }

  private refusalBy(
    decision: AccessDecision | undefined,
    { path }: CallFacts,
    identity: CallIdentity,
  ): ServiceError | undefined {
    if (decision === undefined || decision.isAllowed) return undefined;
    const { id } = this.settings;
    // Whoever has shown nothing may do better.
    if (identity.type === 'anonymous' && this.wanted !== '')
      return refusal.credentialsMissing(id, this.wanted);
    return refusal.accessDenied(id, decision.rule, `${path.grpcService}/${path.method}`);
  }

  /** The first credential that a call shows decides who it is, and has to be good. */
  private authenticate(
    call: CallFacts,
  ): KnownCaller | ServiceError | Promise<KnownCaller | ServiceError> {
    const { verifier } = this;
    const { id, jwt } = this.settings;
    if (jwt !== undefined && verifier !== undefined) {
      const values = headerValues(call.headers, jwt.header);
      // Beside other values one says less: what is known of it alone would be known of all of them.
      const value = values.length === 1 ? values[0] : undefined;
      const known = value === undefined ? undefined : verifier.recall(value);
      if (known !== undefined) return known;
      const [token, ...more] = tokensIn(jwt, values);
      if (more.length > 0) return refusal.tokenInvalid(id, 'several');
      if (token !== undefined) return verifier.verify(token, value);
    }
    return this.ofApiKey(call) ?? this.ofCertificate(call);
  }

  private ofApiKey(
    call: CallFacts,
  ): KnownCaller | ServiceError | Promise<KnownCaller | ServiceError> | undefined {
    const { ring } = this;
    const { id, apiKeys } = this.settings;
    if (ring === undefined || apiKeys === undefined) return undefined;
    const [key, ...more] = headerValues(call.headers, apiKeys.header);
    if (key === undefined) return undefined;
    const find = (): KnownCaller | ServiceError => {
      if (ring.fault !== undefined) return refusal.securityNotLoaded(id, 'API keys');
      const caller = more.length === 0 ? ring.callerOf(key) : undefined;
      return caller ?? refusal.apiKeyUnknown(id);
    };
    return ring.firstLoad === undefined ? find() : ring.firstLoad.then(find);
  }

  private ofCertificate(call: CallFacts): KnownCaller | ServiceError {
    const { id, mtls } = this.settings;
    const names = mtls === undefined ? undefined : call.certificateNames();
    if (mtls !== undefined && names !== undefined) {
      const principal = mtls.names.flatMap((test) => names.find(test) ?? [])[0];
      if (principal === undefined) return refusal.certificateNotAccepted(id);
      const identity: CallIdentity = { type: 'certificate', principal };
      return { identity, headers: identityHeaders(identity, []) };
    }
    return this.settings.anonymous || this.wanted === ''
      ? nobody
      : refusal.credentialsMissing(id, this.wanted);
  }
}

/** Ways to show who one is; empty when the policy knows none. */
function wantedText({ jwt, apiKeys, mtls }: SecuritySettings): string {
  const ways = [
    jwt && `a token (${jwt.header}${jwt.header === 'authorization' ? ': Bearer' : ''})`,
    apiKeys && `an API key (${apiKeys.header})`,
    mtls && 'a client certificate',
  ].filter((way) => way !== undefined);
  return ways.join(' or ');
}
