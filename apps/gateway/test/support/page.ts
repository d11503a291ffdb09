/*
 * What the page of browser.spec.ts runs: calls by clients that others wrote. It is bundled for the browser and called by name.
 */
import { Code, ConnectError, createClient, type Transport } from '@connectrpc/connect';
import { createConnectTransport, createGrpcWebTransport } from '@connectrpc/connect-web';
import { create, fromBinary, toBinary } from '@bufbuild/protobuf';
import { GrpcWebClientBase, MethodDescriptor, type RpcError } from 'grpc-web';
import { echoService, textMessage } from './echo-schema';

/** A client by its name. */
export type PageClient = 'connect' | 'connect-get' | 'grpc-web' | 'grpc-web-text';
/** What is called, where and with what. */
export interface PageCall {
  readonly client: PageClient;
  readonly baseUrl: string;
  readonly method: 'unary' | 'look' | 'serverStream';
  readonly text: string;
}
/** What came of it. */
export interface PageAnswer {
  readonly texts: readonly string[];
  /** Metadata of the instance. */
  readonly trailer: string | null;
  /** Name of the code and message; empty when all went well. */
  readonly error: string;
}
interface Text {
  readonly text: string;
}

async function call(asked: PageCall): Promise<PageAnswer> {
  return asked.client === 'grpc-web-text' ? callInText(asked) : callByConnect(asked);
}

async function callByConnect({ client, baseUrl, method, text }: PageCall): Promise<PageAnswer> {
  const answer = newAnswer();
  const options = { onTrailer: (trailers: Headers) => answer.note(trailers.get('served-by')) };
  const echo = createClient(echoService, transportOf(client, baseUrl)) as unknown as {
    unary(request: Text, more: object): Promise<Text>;
    look(request: Text, more: object): Promise<Text>;
    serverStream(request: Text, more: object): AsyncIterable<Text>;
  };
  try {
    if (method === 'serverStream')
      for await (const one of echo.serverStream({ text }, options)) answer.add(one.text);
    else answer.add((await echo[method]({ text }, options)).text);
    return answer.end('');
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error);
    return answer.end(`${Code[code]}: ${rawMessage}`);
  }
}

function transportOf(client: PageClient, baseUrl: string): Transport {
  if (client === 'grpc-web') return createGrpcWebTransport({ baseUrl });
  const useHttpGet = client === 'connect-get';
  return createConnectTransport({ baseUrl, useBinaryFormat: true, useHttpGet });
}

/** By the client of gRPC's own project, which alone speaks the text mode. */
function callInText({ baseUrl, method, text }: PageCall): Promise<PageAnswer> {
  const answer = newAnswer();
  const url = `${baseUrl}/test.Echo/${method === 'unary' ? 'Unary' : 'ServerStream'}`;
  const kind = method === 'unary' ? 'unary' : 'server_streaming';
  const descriptor = new MethodDescriptor<string, string>(
    url,
    kind,
    String as never,
    String as never,
    (given: string) => toBinary(textMessage, create(textMessage, { text: given })),
    (bytes: Uint8Array) => (fromBinary(textMessage, bytes) as unknown as Text).text,
  );
  const client = new GrpcWebClientBase({ format: 'text' });
  const failed = ({ code, message }: RpcError) => answer.end(`${code}: ${message}`);
  return new Promise((resolve) => {
    const stream =
      method === 'unary'
        ? client.rpcCall(url, text, {}, descriptor, (error: RpcError | null, response) => {
            // A single call has no `error` event.
            if (error === null) answer.add(response);
            else resolve(failed(error));
          })
        : client.serverStreaming(url, text, {}, descriptor);
    if (method !== 'unary') stream.on('data', (one) => answer.add(one));
    stream.on('error', (error) => resolve(failed(error)));
    stream.on('status', ({ metadata }) => answer.note(metadata?.['served-by'] ?? null));
    stream.on('end', () => resolve(answer.end('')));
  });
}

function newAnswer() {
  const texts: string[] = [];
  let trailer: string | null = null;
  return {
    add(text: string): void {
      texts.push(text);
      (globalThis as { onText?: (one: string) => void }).onText?.(text);
    },
    note(value: string | null): void {
      trailer = value;
    },
    end(error: string): PageAnswer {
      return { texts, trailer, error };
    },
  };
}

Object.assign(globalThis, { call });
