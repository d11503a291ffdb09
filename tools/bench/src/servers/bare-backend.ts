import { createServer } from 'node:http2';
import { framed } from '../measure/h2load';

// The backend behind the proxies: node:http2 with nothing on it, so that the proxies, not the backend, are what costs. Runs as a process of
// its own: `bare-backend.js <port>`. GET /metrics over HTTP/2 would be in the way of the load, so the count goes out over the IPC channel.

const REPLY = framed(Buffer.from('\x0a\x0ehello, raftway', 'latin1'));
const WINDOW_BYTES = 1024 * 1024;
let answered = 0;

const server = createServer({
  settings: { initialWindowSize: WINDOW_BYTES, maxConcurrentStreams: 10_000 },
});
server.on('stream', (stream) => {
  stream.on('error', () => undefined);
  stream.resume();
  stream.once('end', () => {
    // The load has ended and its connections are gone.
    if (stream.destroyed) return;
    answered += 1;
    stream.respond(
      { ':status': 200, 'content-type': 'application/grpc' },
      { waitForTrailers: true },
    );
    stream.once('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(REPLY);
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => process.send?.('ready'));
process.on('message', () => process.send?.(answered));
process.on('disconnect', () => process.exit(0));
