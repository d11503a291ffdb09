import { Client, credentials, Metadata, type MethodDefinition } from '@grpc/grpc-js';

const CALL_TIMEOUT_MS = 30_000;

/** A grpc-js client for unary calls, the same for all contenders, over one connection of its own. */
export class UnaryClient {
  private readonly client: Client;

  /** @param address `host:port` */
  constructor(address: string) {
    this.client = new Client(address, credentials.createInsecure(), {
      'grpc.use_local_subchannel_pool': 1,
    });
  }

  /** Makes a call with the codec of a generated method. */
  call<Request, Response>(
    method: Pick<
      MethodDefinition<Request, Response>,
      'path' | 'requestSerialize' | 'responseDeserialize'
    >,
    request: Request,
  ): Promise<Response> {
    return new Promise((resolve, reject) => {
      this.client.makeUnaryRequest<Request, Response>(
        method.path,
        method.requestSerialize,
        method.responseDeserialize,
        request,
        new Metadata(),
        { deadline: Date.now() + CALL_TIMEOUT_MS },
        (error, response) => {
          if (error !== null) reject(error);
          else if (response !== undefined) resolve(response);
        },
      );
    });
  }

  /** Makes a call whose messages are bytes. @param path `/package.Service/Method` */
  callBytes(path: string, request: Buffer): Promise<Buffer> {
    return this.call({ path, requestSerialize: same, responseDeserialize: same }, request);
  }

  close(): void {
    this.client.close();
  }
}

const same = (bytes: Buffer): Buffer => bytes;
