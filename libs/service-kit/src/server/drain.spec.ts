import { setTimeout as delay } from 'node:timers/promises';
import * as grpc from '@grpc/grpc-js';
import { helloworld, rpc } from '@raftway/contracts';
import { implementService } from '../rpc/implement-service';
import { createServer } from './create-server';

const { GreeterService } = helloworld;
const rounds = 25;
const callers = 6;

/** Calls that callers of one client made without a pause that is worth its name, while their server stopped in good order. */
interface Stop {
  readonly handled: number;
  readonly answered: number;
  /** Why the others failed, each reason once. */
  readonly reasons: ReadonlySet<string>;
}

async function stopUnderLoad(options: grpc.ChannelOptions): Promise<Stop> {
  let handled = 0;
  const unused = () => {
    throw new Error('not in this spec');
  };
  const greeter = implementService(GreeterService, {
    sayHello: async ({ name }) => {
      handled += 1;
      await delay(1);
      return { message: name };
    },
    sayHelloStreamReply: unused,
    sayHelloClientStream: unused,
    sayHelloBidiStream: unused,
    sayHelloNumbered: unused,
  });
  const server = createServer({ name: 'greeter', services: [greeter], drainDelayMs: 0 });
  await server.start();
  const client = new grpc.Client(server.address, grpc.credentials.createInsecure(), {
    // A client that the spec before has left in a backoff would not connect.
    'grpc.use_local_subchannel_pool': 1,
    ...options,
  });
  let answered = 0;
  const reasons = new Set<string>();
  let calling = true;
  const call = async (): Promise<void> => {
    while (calling) {
      const reason = await sayHello(client);
      if (reason === undefined) answered += 1;
      else reasons.add(reason);
      await delay(1);
    }
  };
  const calls = Array.from({ length: callers }, call);
  // Well under way, however busy the machine is.
  while (answered < 5 * callers) await delay(1);
  await server.stop();
  calling = false;
  await Promise.all(calls);
  client.close();
  return { handled, answered, reasons };
}

/** Yields why the call failed, undefined when it was answered. */
function sayHello(client: grpc.Client): Promise<string | undefined> {
  const { path, requestSerialize, responseDeserialize } = GreeterService.sayHello;
  const request = helloworld.HelloRequest.fromPartial({ name: 'Ada' });
  const metadata = new grpc.Metadata();
  const options = { deadline: Date.now() + 2000 };
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      responseDeserialize,
      request,
      metadata,
      options,
      (error) => resolve(error === null ? undefined : reasonOf(error)),
    );
  });
}

function reasonOf({ code, details, metadata }: grpc.ServiceError): string {
  const [bytes] = metadata.get('grpc-status-details-bin');
  const detail = Buffer.isBuffer(bytes) ? rpc.Status.decode(bytes).details[0] : undefined;
  if (detail !== undefined) return rpc.ErrorInfo.decode(detail.value).reason;
  if (details.startsWith('No connection established')) return 'not connected';
  return `${grpc.status[code]}: ${details}`;
}

describe('a server that stops while calls come in', () => {
  it.each([
    ['that repeats what was refused, as all do by default', {}, []],
    [
      'that repeats nothing and so hears of requests that met the GOAWAY on their way',
      { 'grpc.enable_retries': 0 },
      ['UNAVAILABLE: Stream refused by server'],
    ],
  ])('fails no call that it took of a client %s', async (_title, options, refusals) => {
    const harmless = new Set(['DRAINING', 'not connected', ...refusals]);
    for (let round = 0; round < rounds; round += 1) {
      const { handled, answered, reasons } = await stopUnderLoad(options);
      expect(answered).toBeGreaterThan(0);
      expect(handled).toBe(answered);
      expect([...reasons].filter((reason) => !harmless.has(reason))).toEqual([]);
    }
  });
});
