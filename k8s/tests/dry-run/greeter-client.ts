import { credentials, Metadata } from '@grpc/grpc-js';
import { helloworld } from '@raftway/contracts';
import { promised } from './promised';

/** Calls the greeter as any client does: over grpc-js, through an address that it was given. */
export class Greetings {
  private readonly client: helloworld.GreeterClient;

  /** @param caPem with TLS, who vouches for the gateway. @default plaintext */
  constructor(address: string, caPem?: string) {
    this.client =
      caPem === undefined
        ? new helloworld.GreeterClient(address, credentials.createInsecure())
        : new helloworld.GreeterClient(address, credentials.createSsl(Buffer.from(caPem)), {
            // As through kubectl port-forward: the address is not the name.
            'grpc.ssl_target_name_override': 'gateway',
          });
  }

  /** SayHello: the greeter alone. */
  async hello(name: string): Promise<string> {
    const reply = await promised<helloworld.HelloReply>((callback) =>
      this.client.sayHello({ name }, new Metadata(), { deadline: deadline() }, callback),
    );
    return reply.message;
  }

  /** SayHelloNumbered: the greeter takes a lock and an id, both through the gateway. Yields the fencing token, which grows. */
  async numbered(name: string): Promise<bigint> {
    const reply = await promised<helloworld.NumberedHelloReply>((callback) =>
      this.client.sayHelloNumbered({ name }, new Metadata(), { deadline: deadline() }, callback),
    );
    return reply.fencingToken;
  }

  close(): void {
    this.client.close();
  }
}

const TIMEOUT_MS = 10_000;

function deadline(): number {
  return Date.now() + TIMEOUT_MS;
}
