import { readFileSync } from 'node:fs';
import { ServerCredentials } from '@grpc/grpc-js';
import { TlsSource } from '@raftway/tls';
import { TestAuthority } from '@raftway/tls/testing';
import { CallingPage } from './support/browser';
import { Harness } from './support/harness';
import { type PageClient } from './support/page';
import { textBackend } from './support/text-backend';

// The browser starts, and may be slow on a busy machine.
jest.setTimeout(120_000);

describe('a page in Chromium', () => {
  let page: CallingPage;
  let authority: TestAuthority;
  let source: TlsSource;
  const gateways: Harness[] = [];
  /** By what it speaks to the page. */
  const urls: Record<string, string> = {};
  let endStream: () => void = () => undefined;

  beforeAll(async () => {
    page = await CallingPage.open();
    await page.page.exposeFunction('onText', (text: string) => {
      if (text === 'held') endStream();
    });
    const onHold = (end: () => void): void => void (endStream = end);
    const allowed = { corsOrigins: [page.origin] };
    const plain = await Harness.start(allowed);
    await textBackend(plain, {}, { onHold });
    urls['HTTP/1.1'] = `http://${plain.gateway.address}`;
    authority = await TestAuthority.create();
    source = await TlsSource.open(await authority.issue(), { checkIntervalMs: 3_600_000 });
    const secure = await Harness.start(allowed, undefined, { source, clientAuth: 'none' });
    await textBackend(secure, {}, { onHold, credentials: await credentialsOf('echo') });
    urls['HTTP/2.0'] = `https://${secure.gateway.address}`;
    const closed = await Harness.start();
    await textBackend(closed);
    urls['another origin'] = `http://${closed.gateway.address}`;
    gateways.push(plain, secure, closed);
  });

  afterAll(async () => {
    await page.close();
    await Promise.all(gateways.map((one) => one.close()));
    source.close();
    await authority.remove();
  });

  async function credentialsOf(name: string): Promise<ServerCredentials> {
    const { ca, identity } = await authority.issue({ names: [name] });
    const pair = {
      private_key: readFileSync(identity.privateKey),
      cert_chain: readFileSync(identity.certificate),
    };
    return ServerCredentials.createSsl(readFileSync(ca), [pair], true);
  }

  const clients: PageClient[] = ['connect', 'grpc-web', 'grpc-web-text'];

  describe.each(['HTTP/1.1', 'HTTP/2.0'])('over %s', (version) => {
    it.each(clients)(
      'calls by %s: one answer, many, one at a time, and an error',
      async (client) => {
        const baseUrl = urls[version] ?? '';
        const versions: Promise<string>[] = [];
        page.page.on('response', (response) => void versions.push(response.httpVersion()));

        const unary = await page.call({ client, baseUrl, method: 'unary', text: 'hello' });
        const many = await page.call({ client, baseUrl, method: 'serverStream', text: '50 x' });
        // The instance ends the stream when the page has the first answer.
        const held = await page.call({
          client,
          baseUrl,
          method: 'serverStream',
          text: 'hold held',
        });
        const failed = await page.call({ client, baseUrl, method: 'serverStream', text: 'fail' });
        page.page.removeAllListeners('response');

        expect(unary).toEqual({ texts: ['hello'], trailer: 'texts', error: '' });
        expect(many).toMatchObject({ texts: Array(50).fill('x'), error: '' });
        expect(held).toMatchObject({ texts: ['held'], error: '' });
        expect(failed.error).toMatch(/^(FailedPrecondition|9): no — 5 %$/);
        expect(new Set(await Promise.all(versions))).toEqual(new Set([version]));
      },
    );

    it('calls a method without side effects by GET', async () => {
      const baseUrl = urls[version] ?? '';
      const asked = { client: 'connect-get', baseUrl, method: 'look', text: 'x & y' } as const;
      let answer = await page.call(asked);
      // Until the gateway has learnt the schema.
      while (answer.error !== '') answer = await page.call(asked);

      expect(answer.texts).toEqual(['x & y']);
    });
  });

  it.each(clients)('of an origin that is not listed cannot call by %s', async (client) => {
    const baseUrl = urls['another origin'] ?? '';

    const answer = await page.call({ client, baseUrl, method: 'unary', text: 'hello' });

    expect(answer.error).not.toBe('');
    expect(gateways.at(-1)?.backends[0]?.calls).toBe(0);
  });
});
