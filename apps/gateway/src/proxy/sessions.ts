import { createHash, createHmac, randomBytes } from 'node:crypto';
import { type HeaderPairs, headerValue } from '@raftway/http2';
import { type InstanceEndpoint } from '../domain/backend';
import { type SessionSettings } from '../domain/documents';
import { headersWhere } from '../domain/header-rules';
import { failureCodes } from '../domain/protection';
import { type Route } from '../domain/routing-table';
import {
  cookieValues,
  isSessionOpen,
  readSessionToken,
  type SessionToken,
  writeSessionToken,
} from '../domain/session-token';
import { statusOf } from '../domain/status-mapping';
import { type SessionOutcome } from './traffic-observer';

/** Cookies of one name that are looked at: each costs a signature. */
const cookiesMax = 4;
/** Services whose numbers are remembered. */
const servicesMax = 4096;

/** What a request says of its session. */
export interface GivenSession {
  /** Undefined when it has none, or none that holds. */
  readonly token: SessionToken | undefined;
  /** Whether it has something that is no token of this rule, or one whose time is over. */
  readonly isInvalid: boolean;
}

/** Makes and reads the tokens by which clients come back to their instances. It remembers no session: all there is to know is in the token. */
export class Sessions {
  private readonly key: Buffer;
  private readonly services = new Map<string, string>();
  private readonly instances = new WeakMap<
    readonly InstanceEndpoint[],
    ReadonlyMap<string, InstanceEndpoint>
  >();

  /** @param secret what tokens are signed with; undefined for something that nobody else has */
  constructor(secret: string | undefined) {
    this.key =
      secret === undefined ? randomBytes(32) : createHash('sha256').update(secret).digest();
  }

  /** Finds a request's token. @param wallMs milliseconds since 1970 */
  read(settings: SessionSettings, headers: HeaderPairs, wallMs: number): GivenSession {
    const { type, name, scope } = settings;
    const texts =
      type === 'Header'
        ? [headerValue(headers, name)].filter((text) => text !== undefined)
        : cookieValues(headers, name).slice(0, cookiesMax);
    for (const text of texts) {
      const token = readSessionToken(text, scope, this.sign);
      if (token !== undefined && isSessionOpen(token, settings, wallMs))
        return { token, isInvalid: false };
    }
    return { token: undefined, isInvalid: texts.length > 0 };
  }

  /** Whether a token is about a registered service. */
  isFor(token: SessionToken, service: string): boolean {
    return token.service === this.numberOfService(service);
  }

  /** The instance that a token is about, if it is one of the route's live ones. */
  instanceOf(token: SessionToken, { endpoints }: Route): InstanceEndpoint | undefined {
    const list = endpoints.list();
    let byNumber = this.instances.get(list);
    if (byNumber === undefined) {
      byNumber = new Map(
        list.map((endpoint) => [this.numberOf('instance', endpoint.key, 8), endpoint]),
      );
      this.instances.set(list, byNumber);
    }
    return byNumber.get(token.instance);
  }

  /** Whether a token is about that instance, live or not. */
  isAt(token: SessionToken, { key }: InstanceEndpoint): boolean {
    return token.instance === this.numberOf('instance', key, 8);
  }

  /** A token for the next calls. */
  write(
    { scope }: SessionSettings,
    { service, key }: InstanceEndpoint,
    issuedMs: number,
    usedMs: number,
  ): string {
    const instance = this.numberOf('instance', key, 8);
    const token = { service: this.numberOfService(service), instance, issuedMs, usedMs };
    return writeSessionToken(token, scope, this.sign);
  }

  private numberOfService(service: string): string {
    let number = this.services.get(service);
    if (number === undefined) {
      if (this.services.size >= servicesMax) this.services.clear();
      this.services.set(service, (number = this.numberOf('service', service, 4)));
    }
    return number;
  }

  /** By a keyed hash, so that a token tells nobody what instances are called and where they are. */
  private numberOf(what: string, name: string, bytes: number): string {
    const hash = createHmac('sha256', this.key).update(`${what}\0${name}`).digest();
    return hash.toString('hex', 0, bytes);
  }

  private readonly sign = (bytes: Uint8Array, scope: string): Uint8Array =>
    createHmac('sha256', this.key).update(`token\0${scope}\0`).update(bytes).digest();
}

/** What {@link CallSession} works with. */
export interface CallSessionParts {
  readonly sessions: Sessions;
  readonly settings: SessionSettings;
  readonly token: SessionToken | undefined;
  /** Whether the client came over TLS, so that its browser keeps the cookie from plaintext. */
  readonly isSecure: boolean;
  readonly wallMs: () => number;
  readonly onOutcome: (service: string, outcome: SessionOutcome) => void;
}

/** The session of one call. */
export class CallSession {
  constructor(private readonly parts: CallSessionParts) {}

  /** The session's instance, as long as it is live, has not been tried, and is not left out; undefined for any other one. */
  pick(
    route: Route,
    tried: ReadonlySet<string> | undefined,
    nowMs: number,
  ): InstanceEndpoint | undefined {
    const { sessions, token } = this.parts;
    const endpoint = token && sessions.instanceOf(token, route);
    if (endpoint === undefined || tried?.has(endpoint.key) === true) return undefined;
    return route.backend.health.until(endpoint.key) > nowMs ? undefined : endpoint;
  }

  /** The response's headers, with a token in them where the client needs a new one. @param endpoint whose response it is */
  answer(headers: HeaderPairs, endOfStream: boolean, endpoint: InstanceEndpoint): HeaderPairs {
    const { sessions, settings, token, wallMs, onOutcome } = this.parts;
    // One that fails is nobody's home.
    if (endOfStream && failureCodes.has(statusOf(headers))) return headers;
    const isSame = token !== undefined && sessions.isAt(token, endpoint);
    onOutcome(endpoint.service, isSame ? 'kept' : token === undefined ? 'begun' : 'moved');
    if (isSame && settings.idleMs === undefined) return headers;
    const nowMs = wallMs();
    const issuedMs = isSame ? token.issuedMs : nowMs;
    return this.withToken(
      headers,
      sessions.write(settings, endpoint, issuedMs, nowMs),
      nowMs - issuedMs,
    );
  }

  private withToken(headers: HeaderPairs, text: string, ageMs: number): HeaderPairs {
    const { settings, isSecure } = this.parts;
    const { type, name, isPermanent, absoluteMs = 0 } = settings;
    if (type === 'Header') return [...headersWhere(headers, (one) => one !== name), name, text];
    const attributes = ['Path=/', 'HttpOnly', 'SameSite=Strict'];
    if (isSecure) attributes.push('Secure');
    if (isPermanent) attributes.push(`Max-Age=${Math.ceil((absoluteMs - ageMs) / 1000)}`);
    return [...headers, 'set-cookie', [`${name}=${text}`, ...attributes].join('; ')];
  }
}
