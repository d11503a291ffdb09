import { descriptorSetBase64, reflectionV1, reflectionV1alpha } from '@raftway/contracts';
import { Code } from '@raftway/errors';
import type { ServiceImplementation } from '../rpc/handlers';
import { implementService } from '../rpc/implement-service';
import { DescriptorIndex } from './descriptor-index';

// https://github.com/grpc/grpc/blob/master/doc/server-reflection.md. Both versions have the same messages on the wire and in TypeScript.

type Request = reflectionV1.ServerReflectionRequest;
type Response = reflectionV1.ServerReflectionResponse;
type Answer = NonNullable<Response['messageResponse']>;

let contracts: DescriptorIndex | undefined;

/** The suite's own contracts, parsed when first asked for. */
export function contractsIndex(): DescriptorIndex {
  return (contracts ??= new DescriptorIndex(Buffer.from(descriptorSetBase64, 'base64')));
}

/**
 * Reflection v1 and v1alpha. Lists the services that the server has; resolves every symbol of the contracts, because messages may refer to
 * any of them.
 *
 * @param services full names of all services that the server has.
 */
export function reflectionServices(
  services: readonly string[],
  index: () => DescriptorIndex = contractsIndex,
): ServiceImplementation[] {
  async function* serverReflectionInfo(
    requests: AsyncIterable<Request>,
  ): AsyncGenerator<Response, void, undefined> {
    for await (const request of requests) {
      const messageResponse = answer(request, services, index());
      yield { validHost: request.host, originalRequest: request, messageResponse };
    }
  }
  const handlers = { serverReflectionInfo };
  // Clients such as grpcurl and editors keep the stream open for their next question.
  const traits = { endlessMethods: ['serverReflectionInfo'] } as const;
  return [
    implementService(reflectionV1.ServerReflectionService, handlers, traits),
    implementService(reflectionV1alpha.ServerReflectionService, handlers, traits),
  ];
}

function answer(request: Request, services: readonly string[], index: DescriptorIndex): Answer {
  const question = request.messageRequest;
  switch (question?.$case) {
    case 'listServices': {
      const service = [...services].sort().map((name) => ({ name }));
      return { $case: 'listServicesResponse', value: { service } };
    }
    case 'fileByFilename':
      return files(index.byFilename(question.value), `file ${question.value}`);
    case 'fileContainingSymbol':
      return files(index.bySymbol(question.value), `symbol ${question.value}`);
    case 'fileContainingExtension': {
      const { containingType, extensionNumber } = question.value;
      const found = index.byExtension(containingType, extensionNumber);
      return files(found, `extension ${extensionNumber} of ${containingType}`);
    }
    case 'allExtensionNumbersOfType': {
      const extensionNumber = index.extensionNumbers(question.value);
      if (extensionNumber === undefined) return missing(`message ${question.value}`);
      const value = { baseTypeName: question.value, extensionNumber };
      return { $case: 'allExtensionNumbersResponse', value };
    }
    case undefined:
      return failure(Code.invalidArgument, 'the request asks nothing');
  }
}

function files(found: Uint8Array[] | undefined, what: string): Answer {
  if (found === undefined) return missing(what);
  const fileDescriptorProto = found.map((bytes) => Buffer.from(bytes));
  return { $case: 'fileDescriptorResponse', value: { fileDescriptorProto } };
}

function missing(what: string): Answer {
  return failure(Code.notFound, `${what} is not known`);
}

function failure(errorCode: number, errorMessage: string): Answer {
  return { $case: 'errorResponse', value: { errorCode, errorMessage } };
}
