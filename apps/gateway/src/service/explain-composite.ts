import { gateway } from '@raftway/contracts';
import { hostOf, partText, transcodingTexts } from '../domain/documents';
import * as refusal from '../domain/refusal';
import { type ExplainContext, refused } from './explain-call';
import { compositeRoute } from './messages';

/** What would become of a request that a CompositeRoute takes; undefined when none does. @param explain explains one call */
export async function explainComposite(
  request: gateway.ExplainCallRequest,
  { documents, parts: catalog }: Pick<ExplainContext, 'documents' | 'parts'>,
  explain: (call: gateway.ExplainCallRequest) => Promise<gateway.ExplainCallResponse>,
): Promise<gateway.ExplainCallResponse | undefined> {
  const composites = documents.web?.composites;
  if (composites === undefined || request.httpMethod === '') return undefined;
  const [path = ''] = request.method.split('?', 1);
  const match = composites.match(
    hostOf(request.authority),
    request.httpMethod.toUpperCase(),
    path.startsWith('/') ? path : `/${path}`,
  );
  if (match?.kind !== 'found') return undefined;
  const { parts, transcoding } = match.composite;
  const explaining = parts.map(async (part) => {
    const found = catalog.resolve(part);
    const method = `${part.grpcService}/${part.method}`;
    const call = await explain({ ...request, method, httpMethod: '' });
    const isKnown = call.refusalCode !== '' || !('reason' in found);
    return {
      part: partText(part),
      call: isKnown ? call : refused(call, refusal.partNotCallable(found.message)),
    };
  });
  const explained = await Promise.all(explaining);
  const failing = explained.find(
    ({ call }, index) => call.refusalCode !== '' && parts[index]?.optional === false,
  );
  return gateway.ExplainCallResponse.fromPartial({
    route: compositeRoute(match.composite),
    parts: explained,
    transcoding: transcoding === undefined ? [] : transcodingTexts(transcoding),
    refusalCode: failing?.call.refusalCode ?? '',
    refusalReason: failing?.call.refusalReason ?? '',
    refusalMessage:
      failing === undefined ? '' : `part ${failing.part}: ${failing.call.refusalMessage}`,
  });
}
