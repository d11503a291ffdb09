import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import * as grpc from '@grpc/grpc-js';
import { addReflection } from './add-reflection';
import { type EchoBackend, type UnaryDone } from './echo-backend';
import { echoFile, textMessage } from './echo-schema';
import { type Harness } from './harness';

/** A message of `test.Echo`. */
export interface Text {
  readonly text: string;
}

/** A `test.Text` as bytes. */
export function encodeText(text: string): Buffer {
  return Buffer.from(toBinary(textMessage, create(textMessage, { text })));
}

/** Reads a `test.Text`. */
export function decodeText(bytes: Uint8Array): string {
  return (fromBinary(textMessage, bytes) as unknown as Text).text;
}

/** How a backend differs from others. */
export interface TextBackendOptions extends grpc.ServerOptions {
  readonly credentials?: grpc.ServerCredentials;
  /** Is given what ends a stream that was asked to `hold`. */
  readonly onHold?: (end: () => void) => void;
}

/** An echo backend that knows its own messages and reflects their schema. `ServerStream` answers `3 x` with `x` three times, and `hold x` once; `fail` fails. */
export async function textBackend(
  harness: Harness,
  overrides: grpc.UntypedServiceImplementation = {},
  { credentials, onHold, ...options }: TextBackendOptions = {},
): Promise<EchoBackend> {
  const backend: EchoBackend = await harness.backend(
    'texts',
    {
      ClientStream: (call: grpc.ServerReadableStream<Buffer, Buffer>, done: UnaryDone) => {
        backend.note(call);
        const texts: string[] = [];
        call.on('data', (bytes: Buffer) => texts.push(decodeText(bytes)));
        call.on('end', () => done(null, encodeText(texts.join(' '))));
      },
      ServerStream: (call: grpc.ServerWritableStream<Buffer, Buffer>) => {
        backend.note(call);
        const [count = '', text = ''] = decodeText(call.request).split(' ');
        const leading = new grpc.Metadata();
        leading.set('leading', 'first');
        call.sendMetadata(leading);
        const trailers = new grpc.Metadata();
        trailers.set('trailing', 'last');
        if (count === 'fail') return void call.emit('error', failure());
        if (count === 'hold') {
          call.write(encodeText(text));
          return void onHold?.(() => call.end());
        }
        let left = Number(count);
        const more = (): void => {
          for (; left > 0; left -= 1)
            if (!call.write(encodeText(text))) {
              left -= 1;
              return void call.once('drain', more);
            }
          call.end(trailers);
        };
        more();
      },
      ...overrides,
    },
    options,
    credentials,
  );
  addReflection(backend.server, [echoFile]);
  harness.registerAll();
  return backend;
}

function failure(): grpc.ServerErrorResponse {
  const metadata = new grpc.Metadata();
  metadata.set('why', 'because');
  return {
    name: 'failure',
    message: 'no — 5 %',
    code: grpc.status.FAILED_PRECONDITION,
    details: 'no — 5 %',
    metadata,
  };
}
