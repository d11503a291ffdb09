import { create, createFileRegistry } from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodOptions_IdempotencyLevel,
} from '@bufbuild/protobuf/wkt';
import { type DescMessage, type DescService } from '@bufbuild/protobuf';

const noSideEffects = { idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS };

/** `test.Echo` of the echo backend, with one message: `Text { string text = 1; }`. `Look` has no side effects, and the backend serves it by itself. */
export const echoFile: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: 'test/echo.proto',
  package: 'test',
  syntax: 'proto3',
  messageType: [
    {
      name: 'Text',
      field: [
        {
          name: 'text',
          jsonName: 'text',
          number: 1,
          label: FieldDescriptorProto_Label.OPTIONAL,
          type: FieldDescriptorProto_Type.STRING,
        },
      ],
    },
  ],
  service: [
    {
      name: 'Echo',
      method: [
        method('Unary', false, false),
        { ...method('Look', false, false), options: noSideEffects },
        method('ClientStream', true, false),
        method('ServerStream', false, true),
        method('Bidi', true, true),
      ],
    },
  ],
});

function method(name: string, clientStreaming: boolean, serverStreaming: boolean) {
  return {
    name,
    inputType: '.test.Text',
    outputType: '.test.Text',
    clientStreaming,
    serverStreaming,
  };
}

const registry = createFileRegistry(create(FileDescriptorSetSchema, { file: [echoFile] }));

/** What clients of protobuf-es are built from. */
export const echoService = registry.getService('test.Echo') as DescService;
export const textMessage = registry.getMessage('test.Text') as DescMessage;
