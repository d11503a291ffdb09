import { create, type JsonObject, type JsonValue, type Registry, toJson } from '@bufbuild/protobuf';
import { base64Encode } from '@bufbuild/protobuf/wire';
import { AnySchema } from '@bufbuild/protobuf/wkt';

/** A gRPC status, as a call ends with it. */
export interface GrpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details: readonly StatusDetail[];
}

/** A message of any type. */
export interface StatusDetail {
  readonly typeUrl: string;
  readonly value: Uint8Array;
}

/** HTTP statuses by gRPC code; source: the comments of google/rpc/code.proto. */
const httpStatuses = [
  200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500, 401,
] as const;

/** The HTTP status of a gRPC code; 500 for codes that gRPC does not define. */
export function httpStatusOf(code: number): number {
  return httpStatuses[code] ?? 500;
}

/**
 * A status as the JSON of google.rpc.Status. Details of types that no registry has are given as base64.
 *
 * @param registries where types are looked up, in order
 */
export function statusJson(status: GrpcStatus, registries: readonly Registry[]): JsonObject {
  const details = status.details.map((detail) => detailJson(detail, registries));
  return { code: status.code, message: status.message, details };
}

function detailJson({ typeUrl, value }: StatusDetail, registries: readonly Registry[]): JsonValue {
  for (const registry of registries) {
    if (registry.getMessage(typeUrl.slice(typeUrl.lastIndexOf('/') + 1)) === undefined) continue;
    try {
      return toJson(AnySchema, create(AnySchema, { typeUrl, value: value.slice() }), { registry });
    } catch {
      // Bytes that are not of the type that they say: shown as they are.
      break;
    }
  }
  return { '@type': typeUrl, value: base64Encode(value) };
}
