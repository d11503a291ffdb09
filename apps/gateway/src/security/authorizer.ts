import { authorization } from '@raftway/contracts';
import { Code, ServiceError, toCode } from '@raftway/errors';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import { createClient, type ServiceClient } from '@raftway/service-kit';
import { type TlsSource } from '@raftway/tls';
import { type ExternalAuthorizationSettings } from '../domain/documents';
import { type CallIdentity } from '../domain/call-identity';
import { authorizerUnavailable, deniedByAuthorizer } from '../domain/security/refusals';
import { type CallFacts } from './call-facts';

/** Of an answer's headers. */
const headersMax = 32;
const valueLengthMax = 4096;
const messageLengthMax = 500;

/** What becomes of a call, or why it is refused. */
export type AuthorizerAnswer = AuthorizerLeave | ServiceError;

/** The call may pass. */
export interface AuthorizerLeave {
  /** Headers to set upstream, names and values in turn. */
  readonly headers: readonly string[];
  /** Whether it passes although nobody has said so. */
  readonly failedOpen: boolean;
}

/** Asks one policy's external authorization. */
export class Authorizer {
  private readonly client: ServiceClient<typeof authorization.AuthorizationServiceService>;
  private asking = 0;

  constructor(
    private readonly policy: string,
    private readonly settings: ExternalAuthorizationSettings,
    tls: TlsSource | undefined,
  ) {
    this.client = createClient(authorization.AuthorizationServiceService, settings.target, {
      idempotentMethods: ['authorize'],
      backoffInitialMs: 20,
      shareChannel: false,
      tls,
    });
  }

  close(): void {
    this.client.close();
  }

  /** @param remainingMs of the caller's time; undefined when it is unlimited */
  async ask(
    call: CallFacts,
    identity: CallIdentity,
    remainingMs: number | undefined,
  ): Promise<AuthorizerAnswer> {
    const { concurrencyMax, timeoutMs } = this.settings;
    if (this.asking >= concurrencyMax)
      return this.unanswered(`${concurrencyMax} questions are open, as many as may be`);
    this.asking += 1;
    try {
      const request = this.requestOf(call, identity);
      const waitMs = Math.max(1, Math.min(timeoutMs, remainingMs ?? timeoutMs));
      const { decision } = await this.client.authorize(request, { timeoutMs: waitMs });
      if (decision === undefined) return this.unanswered('its answer says nothing');
      return decision.$case === 'allowed'
        ? { headers: this.headersOf(decision.value), failedOpen: false }
        : this.denied(decision.value);
    } catch (error) {
      const { codeName } = ServiceError.from(error);
      return this.unanswered(codeName);
    } finally {
      this.asking -= 1;
    }
  }

  private unanswered(why: string): AuthorizerAnswer {
    return this.settings.failOpen
      ? { headers: [], failedOpen: true }
      : authorizerUnavailable(this.policy, why);
  }

  private requestOf(
    { path, headers, clientAddress }: CallFacts,
    { type, principal = '', issuer = '', claims }: CallIdentity,
  ): authorization.AuthorizeRequest {
    const shown = this.settings.headers.flatMap((name) => valuesOf(headers, name));
    return {
      method: `${path.grpcService}/${path.method}`,
      authority: headerValue(headers, ':authority') ?? headerValue(headers, 'host') ?? '',
      headers: shown,
      identity: {
        type,
        principal,
        issuer,
        claimsJson: claims === undefined ? '' : JSON.stringify(claims),
      },
      clientAddress,
      policy: this.policy,
    };
  }

  private headersOf({ headers }: authorization.Allowed): readonly string[] {
    return headers
      .filter(
        ({ name, value }) =>
          this.settings.headersUpstream.has(name) &&
          value.length <= valueLengthMax &&
          // RFC 9110 §5.5, as far as gRPC takes it.
          /^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(value),
      )
      .slice(0, headersMax)
      .flatMap(({ name, value }) => [name, value]);
  }

  private denied({ code, reason, message }: authorization.Denied): ServiceError {
    const given = toCode(code);
    const isFit = given === Code.unauthenticated || given === Code.resourceExhausted;
    return deniedByAuthorizer(
      this.policy,
      isFit ? given : Code.permissionDenied,
      /^[A-Z][A-Z0-9_]{0,62}$/.test(reason) ? reason : '',
      message.slice(0, messageLengthMax),
    );
  }
}

function valuesOf(headers: HeaderPairs, wanted: string): authorization.CallHeader[] {
  const found: authorization.CallHeader[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    if (name === wanted) found.push({ name, value: headers[index + 1] ?? '' });
  }
  return found;
}
