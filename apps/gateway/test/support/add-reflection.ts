import type * as grpc from '@grpc/grpc-js';
import { toBinary } from '@bufbuild/protobuf';
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { reflectionV1 } from '@raftway/contracts';

/** Lets a grpc-js server reflect given files, in the given versions of the protocol. */
export function addReflection(
  server: grpc.Server,
  files: readonly FileDescriptorProto[],
  versions: readonly string[] = ['v1'],
  onAsked: () => void = () => undefined,
): void {
  for (const version of versions)
    server.addService(definitionOf(version), {
      ServerReflectionInfo: (call: ReflectionCall) => {
        onAsked();
        call.on('data', ({ messageRequest }: reflectionV1.ServerReflectionRequest) => {
          const wanted = typeof messageRequest?.value === 'string' ? messageRequest.value : '';
          const file = files.find((one) =>
            messageRequest?.$case === 'fileByFilename' ? one.name === wanted : defines(one, wanted),
          );
          call.write(answerOf(file));
        });
        call.on('end', () => call.end());
      },
    });
}

type ReflectionCall = grpc.ServerDuplexStream<
  reflectionV1.ServerReflectionRequest,
  reflectionV1.ServerReflectionResponse
>;

function definitionOf(version: string) {
  return {
    ServerReflectionInfo: {
      path: `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`,
      requestStream: true,
      responseStream: true,
      requestSerialize: (value: Buffer) => value,
      requestDeserialize: (bytes: Buffer) => reflectionV1.ServerReflectionRequest.decode(bytes),
      responseSerialize: (value: reflectionV1.ServerReflectionResponse) =>
        Buffer.from(reflectionV1.ServerReflectionResponse.encode(value).finish()),
      responseDeserialize: (bytes: Buffer) => bytes,
    },
  };
}

function defines(file: FileDescriptorProto, symbol: string): boolean {
  return file.service.some(({ name }) => `${file.package}.${name}` === symbol);
}

function answerOf(file: FileDescriptorProto | undefined): reflectionV1.ServerReflectionResponse {
  const messageResponse: reflectionV1.ServerReflectionResponse['messageResponse'] =
    file === undefined
      ? { $case: 'errorResponse', value: { errorCode: 5, errorMessage: 'no' } }
      : {
          $case: 'fileDescriptorResponse',
          value: {
            fileDescriptorProto: [Buffer.from(toBinary(FileDescriptorProtoSchema, file))],
          },
        };
  return { validHost: '', originalRequest: undefined, messageResponse };
}
