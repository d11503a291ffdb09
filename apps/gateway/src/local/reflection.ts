import { reflectionV1 } from '@raftway/contracts';
import { Code } from '@raftway/errors';
import { type MergedSchema } from '../domain/merged-schema';
import { decodeRequest, type LocalCall, type LocalHandler } from './local-call';
import { type LocalMethod } from './local-services';

/** Both versions of the service: their messages are the same bytes. */
export const reflectionServiceNames = [
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
] as const;

/** The method that tells all schemas: who may not call it learns none by other ways. */
export const schemaPath = {
  grpcService: reflectionServiceNames[0],
  method: 'ServerReflectionInfo',
} as const;

/** Where answers come from. */
export interface ReflectionSource {
  /** The files of all backends. */
  schema(): MergedSchema;
  /** Full names of all services that can be called on this port. */
  serviceNames(): readonly string[];
}

type Response = NonNullable<reflectionV1.ServerReflectionResponse['messageResponse']>;

/** `grpc.reflection.v1` and `v1alpha`: one server's view of everything behind the gateway. */
export class ReflectionService {
  constructor(private readonly source: ReflectionSource) {}

  /** The methods, the same for both versions. */
  methods(): Record<string, LocalMethod> {
    return { ServerReflectionInfo: (call) => this.open(call) };
  }

  private open(call: LocalCall): LocalHandler {
    const sent = new Set<string>();
    return {
      onMessage: (message) => {
        const request = decodeRequest(reflectionV1.ServerReflectionRequest, message);
        const messageResponse = this.answer(request.messageRequest, sent);
        const response = { validHost: request.host, originalRequest: request, messageResponse };
        call.send(reflectionV1.ServerReflectionResponse.encode(response).finish());
      },
      onHalfClose: () => call.end(),
      onClosed: () => undefined,
    };
  }

  private answer(
    request: reflectionV1.ServerReflectionRequest['messageRequest'],
    sent: Set<string>,
  ): Response {
    const schema = this.source.schema();
    switch (request?.$case) {
      case 'fileByFilename':
        return file(
          schema,
          schema.hasFile(request.value) ? request.value : undefined,
          sent,
          request.value,
        );
      case 'fileContainingSymbol':
        return file(schema, schema.fileOfSymbol(request.value), sent, request.value);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = request.value;
        const name = schema.fileOfExtension(containingType, extensionNumber);
        return file(schema, name, sent, `extension ${extensionNumber} of ${containingType}`);
      }
      case 'allExtensionNumbersOfType': {
        if (schema.fileOfSymbol(request.value) === undefined) return notFound(request.value);
        const extensionNumber = [...schema.extensionNumbers(request.value)];
        return {
          $case: 'allExtensionNumbersResponse',
          value: { baseTypeName: request.value, extensionNumber },
        };
      }
      case 'listServices': {
        const service = this.source.serviceNames().map((name) => ({ name }));
        return { $case: 'listServicesResponse', value: { service } };
      }
      case undefined:
        return failure(Code.invalidArgument, 'the request asks for nothing');
    }
  }
}

function file(
  schema: MergedSchema,
  name: string | undefined,
  sent: Set<string>,
  wanted: string,
): Response {
  if (name === undefined) return notFound(wanted);
  const fileDescriptorProto = schema.closure(name, sent).map((bytes) => Buffer.from(bytes));
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function notFound(wanted: string): Response {
  return failure(Code.notFound, `nothing is known of ${wanted}`);
}

function failure(errorCode: Code, errorMessage: string): Response {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
