import { rpc } from '@raftway/contracts';
import type { FieldViolation, QuotaViolation, ServiceError } from '@raftway/errors';
import { toDuration, toMilliseconds } from './duration';

// google.rpc's rich error model: the trailer grpc-status-details-bin carries a google.rpc.Status whose details are messages by type URL.
// https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto

/** The trailer that carries a google.rpc.Status. */
export const DETAILS_KEY = 'grpc-status-details-bin';

/** The domain of every reason in @raftway/errors. */
export const ERROR_DOMAIN = 'raftway';

/**
 * Clients commonly accept 8 KiB of headers (grpc-java, nginx), and a status that does not fit is lost whole: these limits keep it below.
 */
const MESSAGE_CHARACTERS_MAX = 1024;
const VIOLATIONS_MAX = 16;
const VIOLATION_CHARACTERS_MAX = 160;
const METADATA_ENTRIES_MAX = 16;
const METADATA_CHARACTERS_MAX = 128;

const TYPE_URL_PREFIX = 'type.googleapis.com/google.rpc.';

/** Shortens, and replaces lone surrogates, which grpc-message's percent-encoding cannot carry. */
export function wireText(text: string, charactersMax: number = MESSAGE_CHARACTERS_MAX): string {
  const shown = text.length > charactersMax ? `${text.slice(0, charactersMax - 1)}…` : text;
  return Buffer.from(shown, 'utf8').toString('utf8');
}

/** An error's details as the trailer's bytes. */
export function encodeDetails(error: ServiceError): Buffer {
  const details = [detail('ErrorInfo', rpc.ErrorInfo.encode(errorInfo(error)).finish())];
  if (error.fieldViolations.length > 0) {
    const violations = error.fieldViolations.slice(0, VIOLATIONS_MAX).map((violation) => ({
      field: wireText(violation.field, VIOLATION_CHARACTERS_MAX),
      description: wireText(violation.description, VIOLATION_CHARACTERS_MAX),
      reason: violation.reason ?? '',
    }));
    const message = rpc.BadRequest.encode({ fieldViolations: violations }).finish();
    details.push(detail('BadRequest', message));
  }
  if (error.quotaViolations.length > 0) {
    const violations = error.quotaViolations.slice(0, VIOLATIONS_MAX).map((violation) => ({
      subject: wireText(violation.subject, VIOLATION_CHARACTERS_MAX),
      description: wireText(violation.description, VIOLATION_CHARACTERS_MAX),
      quotaId: wireText(violation.quotaId, VIOLATION_CHARACTERS_MAX),
    }));
    details.push(detail('QuotaFailure', rpc.QuotaFailure.encode({ violations }).finish()));
  }
  if (error.retryDelayMs !== undefined) {
    const retryDelay = toDuration(error.retryDelayMs);
    details.push(detail('RetryInfo', rpc.RetryInfo.encode({ retryDelay }).finish()));
  }
  const status = { code: error.code, message: wireText(error.rawMessage), details };
  return Buffer.from(rpc.Status.encode(status).finish());
}

function errorInfo(error: ServiceError): rpc.ErrorInfo {
  const entries = Object.entries(error.metadata).slice(0, METADATA_ENTRIES_MAX);
  const metadata = Object.fromEntries(
    entries.map(([key, value]) => [
      wireText(key, METADATA_CHARACTERS_MAX),
      wireText(value, METADATA_CHARACTERS_MAX),
    ]),
  );
  return { reason: error.reason, domain: ERROR_DOMAIN, metadata };
}

function detail(type: string, value: Uint8Array) {
  return { typeUrl: TYPE_URL_PREFIX + type, value: Buffer.from(value) };
}

/** What a received google.rpc.Status says. */
export interface DecodedDetails {
  reason?: string;
  metadata?: Record<string, string>;
  fieldViolations?: FieldViolation[];
  quotaViolations?: QuotaViolation[];
  retryDelayMs?: number;
}

/** Reads the trailer's bytes; what it does not understand it leaves out, as details are an addition to the status. */
export function decodeDetails(bytes: Uint8Array): DecodedDetails {
  const decoded: DecodedDetails = {};
  try {
    for (const { typeUrl, value } of rpc.Status.decode(bytes).details) {
      readDetail(decoded, typeUrl.slice(typeUrl.lastIndexOf('/') + 1), value);
    }
  } catch {
    // Malformed details are the other side's fault and must not hide its status.
  }
  return decoded;
}

function readDetail(decoded: DecodedDetails, type: string, value: Uint8Array): void {
  if (type === 'google.rpc.ErrorInfo') {
    const { reason, metadata } = rpc.ErrorInfo.decode(value);
    if (reason !== '') decoded.reason = reason;
    decoded.metadata = { ...metadata };
  } else if (type === 'google.rpc.BadRequest') {
    decoded.fieldViolations = rpc.BadRequest.decode(value).fieldViolations.map((violation) => ({
      field: violation.field,
      description: violation.description,
      reason: violation.reason === '' ? undefined : violation.reason,
    }));
  } else if (type === 'google.rpc.QuotaFailure') {
    decoded.quotaViolations = rpc.QuotaFailure.decode(value).violations;
  } else if (type === 'google.rpc.RetryInfo') {
    const { retryDelay } = rpc.RetryInfo.decode(value);
    const retryDelayMs = retryDelay === undefined ? undefined : toMilliseconds(retryDelay);
    if (retryDelayMs !== undefined) decoded.retryDelayMs = retryDelayMs;
  }
}
