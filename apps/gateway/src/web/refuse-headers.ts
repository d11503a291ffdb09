import {
  type EngineStream,
  type HeaderPairs,
  headerValue,
  isGrpcContentType,
} from '@raftway/http2';
import { DiscardingListener } from '../proxy/reply';
import { sendProblem } from './http-exchange';

/**
 * Answers a request whose header list is beyond the limits, in the protocol that it seems to speak.
 *
 * @param headers what was kept of them
 * @param refuseCall answers a gRPC call
 */
export function refuseHeaders(
  stream: EngineStream,
  headers: HeaderPairs,
  refuseCall: (stream: EngineStream) => void,
): void {
  if (isGrpcContentType(headerValue(headers, 'content-type') ?? '')) return refuseCall(stream);
  stream.setListener(new DiscardingListener(stream));
  const detail =
    'The headers are more, or larger, than RAFTWAY_HEADERS_MAX and RAFTWAY_HEADER_BYTES_MAX of the gateway allow.';
  sendProblem({ stream }, 431, 'Request header fields too large', detail);
}
