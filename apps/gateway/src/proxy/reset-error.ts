import { type Code, type ServiceError } from '@raftway/errors';
import { headerListTooLarge, http2CodeName, type StreamReset } from '@raftway/http2';
import * as refusal from '../domain/refusal';

/** What a reset of the instance's stream is to the client. @param code its status */
export function errorOfReset(service: string, code: Code, reset: StreamReset): ServiceError {
  if (reset.connectionLost) return refusal.upstreamLost(service, reset.detail);
  // It was the engine that reset it, for what the instance sent.
  if (reset.detail === headerListTooLarge) return refusal.responseHeadersTooLarge(service);
  return refusal.upstreamReset(service, code, http2CodeName(reset.code));
}
