/*
 * What HTTPRoutes say of a request before it becomes a call.
 *
 * A rule is found by the request's host, path, query, method and headers as the client sent them. It answers with a redirect, or it changes the path,
 * and says where the call goes that the request becomes: by transcoding, or because the path is a method's.
 */
import { type EngineStream, type HeaderPairs, headerValue } from '@raftway/http2';
import {
  changedPath,
  comparablePath,
  type CompiledRule,
  type DocumentTable,
  failedCondition,
  type HttpEntry,
  type HttpFacts,
  type HttpTarget,
} from '../domain/documents';
import { parseGrpcPath } from '../domain/grpc-path';
import { callHost } from './document-routing';
import { DiscardingListener, sendHttpResponse } from './reply';

/** The parts of a request that are decided with. */
export interface HttpRequest {
  readonly method: string;
  /** With its query, as it came. */
  readonly target: string;
  readonly headers: HeaderPairs;
}

/** A request that a rule has taken, as it goes on. */
export interface TakenRequest {
  readonly kind: 'taken';
  readonly rule: CompiledRule;
  readonly target: string;
  readonly headers: HeaderPairs;
}

/** A request that is to be made elsewhere. */
export interface Redirection {
  readonly kind: 'redirect';
  readonly statusCode: number;
  readonly location: string;
}

/** A rule that was looked at for a request. */
export interface ConsideredEntry {
  readonly entry: HttpEntry<HttpTarget>;
  /** Why it does not take the request; undefined when it does. */
  readonly why: string | undefined;
  readonly redirect: Redirection | undefined;
}

const circle = 'it redirects to where the request came to';

/** What {@link HttpRouting} decides with. */
export interface HttpRoutingSettings {
  readonly documents: DocumentTable;
  /** Whether the gateway answers a gRPC service itself. */
  readonly isLocal: (grpcService: string) => boolean;
  readonly trustForwarded: boolean;
}

/** What the gateway answers itself, whatever documents say. */
const ownPaths: readonly string[] = ['/livez', '/openapi.json'];

/** Applies the HTTPRoutes that hold now. */
export class HttpRouting {
  constructor(private readonly settings: HttpRoutingSettings) {}

  /** What becomes of a request; undefined when no rule takes it. */
  decide(request: HttpRequest): TakenRequest | Redirection | undefined {
    const { http } = this.settings.documents;
    if (http === undefined || this.isOwn(request.target)) return undefined;
    for (const { entry, why, redirect } of this.considered(request))
      if (why === undefined) return redirect ?? taken(request, entry);
    return undefined;
  }

  /** The rules for a request's host and path in the order in which they count, each with why it does not take the request. */
  *considered(request: HttpRequest): Generator<ConsideredEntry> {
    const facts = factsOf(request);
    const scheme = this.schemeOf(request);
    for (const entry of this.settings.documents.http?.candidates(facts) ?? []) {
      const failed = failedCondition(entry, facts);
      const redirect = failed === undefined ? redirection(request, entry, scheme) : undefined;
      // Listeners of HTTP and of HTTPS are one port: a route that leads from one to the other would lead in circles.
      const isCircle = redirect?.location === urlOf(request, scheme);
      yield { entry, why: failed ?? (isCircle ? circle : undefined), redirect };
    }
  }

  /** Whether a request is the gateway's own, of which documents say nothing. */
  isOwn(target: string): boolean {
    if (ownPaths.includes(pathOf(target))) return true;
    const path = parseGrpcPath(target);
    return path !== undefined && this.settings.isLocal(path.grpcService);
  }

  private schemeOf({ headers }: HttpRequest): string {
    const forwarded = this.settings.trustForwarded
      ? headerValue(headers, 'x-forwarded-proto')
      : undefined;
    return forwarded ?? headerValue(headers, ':scheme') ?? 'http';
  }
}

/** Answers a request with a redirect. */
export function sendRedirect(stream: EngineStream, { statusCode, location }: Redirection): void {
  stream.setListener(new DiscardingListener(stream));
  sendHttpResponse(stream, statusCode, ['location', location]);
}

function factsOf({ method, target, headers }: HttpRequest): HttpFacts {
  let parameters: URLSearchParams | undefined;
  return {
    host: callHost(headers),
    path: comparablePath(pathOf(target)),
    httpMethod: method,
    header: (name) => headerValue(headers, name),
    query: (name) => {
      parameters ??= new URLSearchParams(queryOf(target));
      return parameters.get(name) ?? undefined;
    },
  };
}

function taken(request: HttpRequest, { target, path }: HttpEntry<HttpTarget>): TakenRequest {
  const { rule, rewrite } = target;
  if (rewrite === undefined)
    return { kind: 'taken', rule, target: request.target, headers: request.headers };
  const to = `${changedPath(pathOf(request.target), rewrite.path, path)}${queryOf(request.target)}`;
  return { kind: 'taken', rule, target: to, headers: rewritten(request, to, rewrite.hostname) };
}

function rewritten(
  { headers }: HttpRequest,
  target: string,
  hostname: string | undefined,
): HeaderPairs {
  const result: string[] = [];
  for (let index = 0; index < headers.length; index += 2) {
    const name = headers[index] ?? '';
    const value = headers[index + 1] ?? '';
    if (name === ':path') result.push(name, target);
    else if (hostname !== undefined && (name === ':authority' || name === 'host'))
      result.push(name, hostname);
    else result.push(name, value);
  }
  return result;
}

function redirection(
  request: HttpRequest,
  { target: { redirect }, path }: HttpEntry<HttpTarget>,
  scheme: string,
): Redirection | undefined {
  if (redirect === undefined) return undefined;
  const { statusCode } = redirect;
  const [host, port] = hostAndPort(authorityOf(request));
  const toScheme = redirect.scheme ?? scheme;
  // A scheme that is named comes with its own port, as the Gateway API has it.
  const toPort = redirect.port?.toString() ?? (redirect.scheme === undefined ? port : '');
  const authority = withPort(redirect.hostname ?? host, toPort, toScheme);
  const toPath = changedPath(pathOf(request.target), redirect.path, path);
  const location = `${toScheme}://${authority}${toPath}${queryOf(request.target)}`;
  return { kind: 'redirect', statusCode, location };
}

function urlOf(request: HttpRequest, scheme: string): string {
  const [host, port] = hostAndPort(authorityOf(request));
  return `${scheme}://${withPort(host, port, scheme)}${request.target}`;
}

function withPort(host: string, port: string, scheme: string): string {
  const isDefault = port === '' || port === (scheme === 'https' ? '443' : '80');
  return isDefault ? host : `${host}:${port}`;
}

function authorityOf({ headers }: HttpRequest): string {
  return headerValue(headers, ':authority') ?? headerValue(headers, 'host') ?? '';
}

function hostAndPort(authority: string): readonly [host: string, port: string] {
  const colon = authority.lastIndexOf(':');
  return colon < 0 || authority.endsWith(']')
    ? [authority, '']
    : [authority.slice(0, colon), authority.slice(colon + 1)];
}

function pathOf(target: string): string {
  const question = target.indexOf('?');
  return question < 0 ? target : target.slice(0, question);
}

/** With its question mark; '' for none. */
function queryOf(target: string): string {
  const question = target.indexOf('?');
  return question < 0 ? '' : target.slice(question);
}
