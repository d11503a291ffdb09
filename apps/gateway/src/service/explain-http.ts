import { gateway } from '@raftway/contracts';
import { ServiceError } from '@raftway/errors';
import {
  type CompiledComposite,
  hostOf,
  partText,
  transcodingTexts,
} from '../domain/documents';
import * as refusal from '../domain/refusal';
import { type ExplainContext, refused } from './explain-call';
import { compositeRoute } from './messages';

/** Whether what is to be explained is an HTTP request, such as `GET /v1/greetings/Ada`, and no method. */
export function isHttpRequest(text: string): boolean {
  return /^[A-Z]+ \//.test(text);
}

/** What would become of an HTTP request: the calls of a composite, or the one that a rule of a proto makes of it. @param explain explains one call */
export function explainHttp(
  request: gateway.ExplainCallRequest,
  { documents, parts }: ExplainContext,
  explain: (call: gateway.ExplainCallRequest) => gateway.ExplainCallResponse,
): gateway.ExplainCallResponse {
  const answer = gateway.ExplainCallResponse.fromPartial({});
  const space = request.method.indexOf(' ');
  const httpMethod = request.method.slice(0, space);
  const [path = ''] = request.method.slice(space + 1).split('?');
  try {
    const composites = documents.web?.composites;
    const composite = composites?.match(hostOf(request.authority), httpMethod, path);
    if (composite?.kind === 'found') 
      return explainComposite(composite.composite, request, parts, explain);
    const match = parts.routes().router.match(httpMethod, path);
    if (match.kind === 'found') {
      const { method } = match.target.binding;
      const called = `${method.parent.typeName}/${method.name}`;
      return { ...explain({ ...request, method: called }), called };
    }
    const others = composite?.allowed ?? [];
    if (match.kind === 'path-unknown' && others.length === 0)
      return refused(answer, refusal.httpPathUnknown(httpMethod, path));
    const own = match.kind === 'path-unknown' ? [] : match.allowed;
    return refused(answer, refusal.httpMethodUnknown(httpMethod, [...own, ...others].sort()));
  } catch (error) {
    return refused(answer, ServiceError.from(error));
  }
}

function explainComposite(
  composite: CompiledComposite,
  request: gateway.ExplainCallRequest,
  catalog: ExplainContext['parts'],
  explain: (call: gateway.ExplainCallRequest) => gateway.ExplainCallResponse,
): gateway.ExplainCallResponse {
  const { parts, transcoding } = composite;
  const explained = parts.map((part) => {
    const found = catalog.resolve(part);
    const call = explain({ ...request, method: `${part.grpcService}/${part.method}` });
    const isKnown = call.refusalCode !== '' || !('reason' in found);
    return {
      part: partText(part),
      call: isKnown ? call : refused(call, refusal.partNotCallable(found.message)),
    };
  });
  const failing = explained.find(
    ({ call }, index) => call.refusalCode !== '' && parts[index]?.optional === false,
  );
  return gateway.ExplainCallResponse.fromPartial({
    route: compositeRoute(composite),
    parts: explained,
    transcoding: transcoding === undefined ? [] : transcodingTexts(transcoding),
    refusalCode: failing?.call.refusalCode ?? '',
    refusalReason: failing?.call.refusalReason ?? '',
    refusalMessage:
      failing === undefined ? '' : `part ${failing.part}: ${failing.call.refusalMessage}`,
  });
}
