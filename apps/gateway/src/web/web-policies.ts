import { headerValue } from '@raftway/http2';
import { isPreflight } from '../domain/cors';
import {
  type DocumentTable,
  type TranscodeSettings,
  type WebProtocolName,
} from '../domain/documents';
import { type GrpcPath, parseGrpcPath } from '../domain/grpc-path';
import { type JsonRoutes } from '../domain/json-routes';
import { type RoutingTable } from '../domain/routing-table';
import { callHost, ruleFor } from '../proxy/document-routing';
import { type HttpRouting } from '../proxy/http-routing';
import { DiscardingListener } from '../proxy/reply';
import { type HttpExchange, pathAndQuery, sendProblem } from './http-exchange';

/** What {@link WebPolicies} looks into. */
export interface WebPolicySources {
  readonly documents: Pick<DocumentTable, 'web'>;
  readonly table: Pick<RoutingTable, 'route'>;
  readonly routes: () => JsonRoutes;
  readonly httpRouting: Pick<HttpRouting, 'decide' | 'isOwn'>;
}

/** Finds what TranscodePolicies say of an exchange, before it is known what protocol it is of. */
export class WebPolicies {
  constructor(private readonly sources: WebPolicySources) {}

  /** Undefined when the options hold. Of a preflight: what holds for the request that it asks about. */
  of({ method, path: target, headers }: HttpExchange): TranscodeSettings | undefined {
    const { documents, table, httpRouting } = this.sources;
    const { web } = documents;
    if (web === undefined) return undefined;
    const asked = isPreflight(method, headers)
      ? (headerValue(headers, 'access-control-request-method') ?? '')
      : method;
    const { path } = pathAndQuery(target);
    try {
      const composite = web.composites?.match(callHost(headers), asked, path);
      if (composite?.kind === 'found') return composite.composite.transcoding;
      if (web.transcoding === undefined) return undefined;
      if (httpRouting.isOwn(target)) return undefined;
      const taken = httpRouting.decide({ method: asked, target, headers });
      if (taken?.kind === 'taken') return taken.rule.transcoding;
      const called = this.called(asked, path);
      if (called === undefined) return undefined;
      const rule = ruleFor(web, called, headers);
      if (rule !== undefined) return rule.transcoding;
      const route = table.route(called.grpcService);
      return route && web.transcoding.get(route.service);
    } catch {
      // A path that is no percent-encoded UTF-8 leads nowhere, and whoever takes it says so.
      return undefined;
    }
  }

  /** The method that a request calls, whichever protocol it is of. */
  private called(httpMethod: string, path: string): GrpcPath | undefined {
    const match = this.sources.routes().router.match(httpMethod, path);
    if (match.kind !== 'found') return parseGrpcPath(path);
    const { method } = match.target.binding;
    return { grpcService: method.parent.typeName, method: method.name };
  }
}

const titles: Readonly<Record<WebProtocolName, string>> = {
  json: 'HTTP and JSON',
  grpcWeb: 'gRPC-Web',
  connect: 'the Connect protocol',
};

/** Refuses an exchange of a protocol that a document has turned off. Returns false when none has. */
export function refuseIfOff(exchange: HttpExchange, protocol: WebProtocolName): boolean {
  const found = exchange.policy?.protocols[protocol];
  if (found === undefined || found.isOn) return false;
  const { stream, method } = exchange;
  stream.setListener(new DiscardingListener(stream));
  const detail = `${found.owner} says that this method takes no calls by ${titles[protocol]}.`;
  sendProblem(exchange, method === 'POST' ? 415 : 404, 'The protocol is off', detail);
  return true;
}
