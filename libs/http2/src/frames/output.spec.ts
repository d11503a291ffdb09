import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { Output } from './output';
import { frameType } from './protocol';

let server: Server;
let socket: Socket;

beforeEach(async () => {
  server = createServer((peer) => peer.resume()).listen(0, '127.0.0.1');
  await once(server, 'listening');
  socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  await once(socket, 'connect');
});
afterEach(() => {
  socket.destroy();
  server.close();
});

it('frames gather, and leave when there are 32 of them', () => {
  const output = new Output(socket, () => undefined);
  const write = (): void => output.numberFrame(frameType.windowUpdate, 1, 1);

  for (let frames = 1; frames < 32; frames += 1) write();
  expect(socket.bytesWritten).toBe(0);
  write();
  expect(socket.bytesWritten).toBe(32 * 13);
  expect(output.gatheredBytes).toBe(0);

  // Counted anew.
  write();
  expect(output.gatheredBytes).toBe(13);
});
