import * as http from 'node:http';
import { FakeView, instanceOf } from '../test/support/fake-view';
import { EchoBackend, EchoClient } from '../test/support/echo-backend';
import { createGatewayApp, type GatewayApp } from './app';
import { defaultGatewayOptions } from './options';

const any = '127.0.0.1:0';
let view: FakeView;
let gateway: GatewayApp;

beforeEach(async () => {
  view = new FakeView();
  const options = {
    ...defaultGatewayOptions(),
    bind: any,
    adminBind: any,
    httpBind: any,
    drainDelayMs: 0,
  };
  gateway = createGatewayApp({ options, view });
  await gateway.start();
});

afterEach(async () => {
  await gateway.stop();
});

/** Without keep-alive, whose idle connection would outlive the spec. */
function get(path: string): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const request = http.get(`http://${gateway.httpAddress ?? ''}${path}`, { agent: false });
    request.on('error', reject);
    request.on('response', (response) => {
      let text = '';
      response.on('data', (chunk: Buffer) => (text += chunk.toString()));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
  });
}

describe('the gateway beside its one port', () => {
  it('is alive at once and ready once the registry has answered', async () => {
    expect((await get('/livez')).status).toBe(200);
    expect((await get('/readyz')).status).toBe(503);

    view.set();

    expect((await get('/readyz')).status).toBe(200);
  });

  it('counts calls by gRPC service and status', async () => {
    const backend = await new EchoBackend('a').start();
    view.set(instanceOf(backend.address));
    const client = new EchoClient(gateway.address);

    await client.unary('x');
    await client.unary('x', { path: '/no.Such/Method' });

    const { text } = await get('/metrics');
    expect(text).toMatch(/raftway_gateway_calls_total\{grpc_service="test.Echo",code="OK"\} 1/);
    expect(text).toMatch(
      /raftway_gateway_calls_total\{grpc_service="unknown",code="UNIMPLEMENTED"\} 1/,
    );
    expect(text).toMatch(/raftway_gateway_endpoints_live 1/);
    client.close();
    backend.stop();
  });

  it('has health on its admin port', async () => {
    const client = new EchoClient(gateway.adminAddress ?? '');

    expect((await client.unary('', { path: '/grpc.health.v1.Health/Check' })).code).toBe(0);
    client.close();
  });
});
