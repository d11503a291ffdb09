import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type Message,
  toBinary,
} from '@bufbuild/protobuf';
import {
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
} from '@bufbuild/protobuf/wkt';
import * as grpc from '@grpc/grpc-js';
import { descriptorSetBase64 } from '@raftway/contracts';
import { addReflection } from './add-reflection';
import { httpRule } from './http-rule';

const contracts = fromBinary(FileDescriptorSetSchema, Buffer.from(descriptorSetBase64, 'base64'));

/** `test.Files`: `PUT` and `GET /v1/files/{path=**}`, with bodies as they are. */
const filesFile: FileDescriptorProto = create(FileDescriptorProtoSchema, {
  name: 'test/files.proto',
  package: 'test',
  syntax: 'proto3',
  dependency: ['google/api/httpbody.proto'],
  messageType: [
    { name: 'ReadRequest', field: [textField()] },
    {
      name: 'StoreRequest',
      field: [
        textField(),
        {
          name: 'content',
          jsonName: 'content',
          number: 2,
          label: FieldDescriptorProto_Label.OPTIONAL,
          type: FieldDescriptorProto_Type.MESSAGE,
          typeName: '.google.api.HttpBody',
        },
      ],
    },
  ],
  service: [
    {
      name: 'Files',
      method: [
        {
          name: 'Store',
          inputType: '.test.StoreRequest',
          outputType: '.google.api.HttpBody',
          options: httpRule([3, '/v1/files/{path=**}'], [7, 'content']),
        },
        {
          name: 'Read',
          inputType: '.test.ReadRequest',
          outputType: '.google.api.HttpBody',
          serverStreaming: true,
          options: httpRule([2, '/v1/files/{path=**}']),
        },
      ],
    },
  ],
});

function textField() {
  return {
    name: 'path',
    jsonName: 'path',
    number: 1,
    label: FieldDescriptorProto_Label.OPTIONAL,
    type: FieldDescriptorProto_Type.STRING,
  };
}

interface HttpBody extends Message {
  contentType: string;
  data: Uint8Array;
}
interface Stored extends Message {
  path: string;
  content: HttpBody;
}

const registry = createFileRegistry(
  create(FileDescriptorSetSchema, { file: [...contracts.file, filesFile] }),
);

function codec<Type extends Message>(name: string) {
  const desc = registry.getMessage(name) as DescMessage;
  return {
    encode: (value: Record<string, unknown>) => Buffer.from(toBinary(desc, create(desc, value))),
    decode: (bytes: Buffer) => fromBinary(desc, bytes) as Type,
  };
}

const httpBody = codec<HttpBody>('google.api.HttpBody');
const stored = codec<Stored>('test.StoreRequest');

/** A grpc-js server of `test.Files`, which keeps what it is given. `half` ends in the middle. */
export class FilesBackend {
  address = '';
  private readonly server = new grpc.Server();
  private readonly files = new Map<string, HttpBody>();

  async start(): Promise<this> {
    this.server.addService(
      {
        Store: definition('Store', false, stored.decode),
        Read: definition('Read', true, stored.decode),
      },
      { Store: this.store, Read: this.read },
    );
    addReflection(this.server, [filesFile, ...contracts.file]);
    const port = await new Promise<number>((resolve, reject) => {
      this.server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, at) =>
        error === null ? resolve(at) : reject(error),
      );
    });
    this.address = `127.0.0.1:${port}`;
    return this;
  }

  stop(): void {
    this.server.forceShutdown();
  }

  private readonly store = (
    { request }: grpc.ServerUnaryCall<Stored, HttpBody>,
    done: grpc.sendUnaryData<HttpBody>,
  ): void => {
    this.files.set(request.path, request.content);
    done(null, request.content);
  };

  private readonly read = (call: grpc.ServerWritableStream<Stored, object>): void => {
    const { path } = call.request;
    const file = this.files.get(path);
    if (path === 'half') call.write({ contentType: 'text/plain', data: Buffer.from('half') });
    if (file === undefined)
      return void call.emit('error', { code: grpc.status.NOT_FOUND, details: 'no such file' });
    const { contentType, data } = file;
    for (let at = 0; at < data.length; at += 50_000)
      call.write({ contentType, data: data.subarray(at, at + 50_000) });
    call.end();
  };
}

function definition<Request>(
  name: string,
  responseStream: boolean,
  decode: (bytes: Buffer) => Request,
) {
  return {
    path: `/test.Files/${name}`,
    requestStream: false,
    responseStream,
    requestSerialize: (value: Buffer) => value,
    requestDeserialize: decode,
    responseSerialize: httpBody.encode,
    responseDeserialize: (bytes: Buffer) => bytes,
  };
}
