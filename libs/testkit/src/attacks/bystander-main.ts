import * as grpc from '@grpc/grpc-js';
import { BYSTANDER_SERVICE, type BystanderReport } from './bystander';

/*
 * The good traffic, in a process of its own: an instance, and clients that call it through the gateway, at a steady rate that does not wait for answers.
 * Nothing here shares an event loop with the attacker.
 */

type Bytes = Buffer;
const same = (value: Bytes): Bytes => value;
const codec = {
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
};
const definition = {
  Echo: {
    path: `/${BYSTANDER_SERVICE}/Echo`,
    requestStream: false,
    responseStream: false,
    ...codec,
  },
  Chat: { path: `/${BYSTANDER_SERVICE}/Chat`, requestStream: true, responseStream: true, ...codec },
};

const INTERVAL_MS = 10;
const DEADLINE_MS = 10_000;
/** Every so many calls one comes on a connection of its own, and one is larger than a window. */
const FRESH_EVERY = 50;
const LARGE_EVERY = 20;
const FAILURES_MAX = 20;

let durationsMs: number[] = [];
let failures: string[] = [];
let open = 0;

function fail(what: string): void {
  if (failures.length < FAILURES_MAX) failures.push(what);
}

async function serve(): Promise<string> {
  const server = new grpc.Server();
  server.addService(definition, {
    Echo: (call: grpc.ServerUnaryCall<Bytes, Bytes>, done: grpc.sendUnaryData<Bytes>) =>
      done(null, call.request),
    Chat: (call: grpc.ServerDuplexStream<Bytes, Bytes>) => {
      call.on('data', (chunk: Bytes) => call.write(chunk));
      call.on('end', () => call.end());
    },
  });
  const port = await new Promise<number>((resolve, reject) => {
    server.bindAsync('127.0.0.1:0', grpc.ServerCredentials.createInsecure(), (error, bound) =>
      error === null ? resolve(bound) : reject(error),
    );
  });
  return `127.0.0.1:${port}`;
}

function connect(gateway: string): grpc.Client {
  return new grpc.Client(gateway, grpc.credentials.createInsecure(), {
    'grpc.enable_retries': 0,
    'grpc.use_local_subchannel_pool': 1,
  });
}

function call(client: grpc.Client, body: Bytes, whenOver: () => void = () => undefined): void {
  const startedMs = performance.now();
  const options = { deadline: Date.now() + DEADLINE_MS };
  open += 1;
  client.makeUnaryRequest(definition.Echo.path, same, same, body, options, (error, answer) => {
    open -= 1;
    durationsMs.push(performance.now() - startedMs);
    if (error !== null) fail(error.message);
    else if (answer?.equals(body) !== true) fail('an answer with other bytes');
    whenOver();
  });
}

/** One stream that is there all the while: a message goes and comes back, over and over. */
function chat(client: grpc.Client): void {
  const stream = client.makeBidiStreamRequest(definition.Chat.path, same, same);
  let sentMs = 0;
  const say = (): void => {
    sentMs = performance.now();
    stream.write(Buffer.from('still there'));
  };
  stream.on('data', () => {
    durationsMs.push(performance.now() - sentMs);
    setTimeout(say, 5 * INTERVAL_MS);
  });
  stream.on('error', (error) => fail(`the stream: ${error.message}`));
  stream.on('end', () => fail('the stream has ended'));
  say();
}

function begin(gateway: string): void {
  const client = connect(gateway);
  const [small, large] = [Buffer.alloc(100, 'x'), Buffer.alloc(100_000, 'y')];
  chat(client);
  let made = 0;
  setInterval(() => {
    made += 1;
    if (made % FRESH_EVERY !== 0) return call(client, made % LARGE_EVERY === 0 ? large : small);
    const fresh = connect(gateway);
    call(fresh, small, () => fresh.close());
  }, INTERVAL_MS);
}

process.on('disconnect', () => process.exit(0));
process.on('message', (message: { gateway?: string }) => {
  if (message.gateway !== undefined) return begin(message.gateway);
  const report: BystanderReport = { durationsMs, failures, open };
  process.send?.(report);
  durationsMs = [];
  failures = [];
});
void serve().then((address) => process.send?.({ address }));
