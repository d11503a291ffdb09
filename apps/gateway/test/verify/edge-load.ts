import { helloworld } from '@raftway/contracts';
import { collect, EchoClient } from '../support/echo-backend';

const unaryPath = '/helloworld.Greeter/SayHello';
const bidiPath = '/helloworld.Greeter/SayHelloBidiStream';
/** Names on one stream, and the time between two: streams live through drains. */
const namesPerStream = 20;
const pauseMs = 100;
/** Between two unary calls of a client: the load is not to be what is measured. */
const breathMs = 5;

/** Callers of the greeter: grpc-js with its defaults, a connection each, one attempt a call. */
export class EdgeLoad {
  unary = 0;
  streams = 0;
  /** What went wrong, and how often. */
  readonly failures = new Map<string, number>();
  private readonly clients: EchoClient[] = [];
  private isOver = false;
  private running: Promise<unknown> = Promise.resolve();

  private readonly witness: EchoClient;

  /** @param address host:port */
  constructor(private readonly address: string) {
    this.witness = this.client();
  }

  start(unaryClients: number, streamClients: number): void {
    const loops = [
      ...Array.from({ length: unaryClients }, () => this.callUnary(this.client())),
      ...Array.from({ length: streamClients }, () => this.callStreams(this.client())),
    ];
    this.running = Promise.all(loops);
  }

  async stop(): Promise<void> {
    this.isOver = true;
    await this.running;
    for (const client of this.clients) client.close();
  }

  /** The change of the route that a new call is answered by. */
  async version(): Promise<number> {
    const { initial } = await this.witness.unary(named('witness'), { path: unaryPath });
    return Number(initial.get('x-version')[0] ?? -1);
  }

  private client(): EchoClient {
    const client = new EchoClient(this.address, { 'grpc.enable_retries': 1 });
    this.clients.push(client);
    return client;
  }

  private async callUnary(client: EchoClient): Promise<void> {
    while (!this.isOver) {
      const { code, details, messages } = await client.unary(named('Ada'), { path: unaryPath });
      this.unary += 1;
      const greeting = messages[0] && helloworld.HelloReply.decode(messages[0]).message;
      if (code !== 0) this.fail(`unary: ${code} ${details}`);
      else if (greeting !== 'Hello, Ada!') this.fail(`unary: greeted with ${greeting}`);
      await pause(breathMs);
    }
  }

  private async callStreams(client: EchoClient): Promise<void> {
    while (!this.isOver) {
      const call = client.bidi({}, bidiPath);
      const end = collect(call);
      let open = true;
      void end.then(() => (open = false));
      for (let number = 0; number < namesPerStream && open; number += 1) {
        call.write(named(`caller ${number}`));
        await pause(pauseMs);
      }
      call.end();
      const { code, details, messages } = await end;
      this.streams += 1;
      if (code !== 0) this.fail(`stream: ${code} ${details}`);
      else if (messages.length !== namesPerStream)
        this.fail(`stream: ${messages.length} answers to ${namesPerStream} names`);
    }
  }

  private fail(what: string): void {
    this.failures.set(what, 1 + (this.failures.get(what) ?? 0));
  }
}

function named(name: string): Buffer {
  return Buffer.from(helloworld.HelloRequest.encode({ name }).finish());
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((done) => setTimeout(done, milliseconds));
}
