import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { silentLogger } from '@raftway/observability';
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import { KeySet } from '../../src/security/key-set';
import { type TrustedIssuer } from '../../src/security/token-verifier';

interface IssuerKey {
  readonly kid: string;
  readonly algorithm: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: JWK;
}

/** Makes tokens, and publishes its keys over HTTP. */
export class TokenIssuer {
  readonly keys: IssuerKey[] = [];
  fetches = 0;
  /** What the keys are answered with instead. */
  answer: { readonly status: number; readonly body: string } | undefined;
  private server: Server | undefined;
  private port = 0;

  static async start(): Promise<TokenIssuer> {
    const issuer = new TokenIssuer();
    await issuer.addKey('first');
    await issuer.listen();
    return issuer;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/jwks.json`;
  }

  /** What is published. */
  get jwks(): string {
    return JSON.stringify({ keys: this.keys.map(({ publicJwk }) => publicJwk) });
  }

  /** As a policy trusts it, with its keys in the document. */
  trusted(): TrustedIssuer {
    const source = { kind: 'inline', keys: this.keys.map(({ publicJwk }) => publicJwk) } as const;
    const settings = {
      ...{ issuer: 'https://id.test', audiences: ['echo'], algorithms: ['ES256'], keys: source },
      ...{ clockSkewMs: 1000, claimHeaders: [] },
    };
    const observer = { onKeysLoaded: () => undefined };
    const parts = { logger: silentLogger(), observer, nowMs: () => 0 };
    return { settings, keys: new KeySet(source, parts) };
  }

  async addKey(kid: string, algorithm = 'ES256'): Promise<void> {
    const { privateKey, publicKey } = await generateKeyPair(algorithm, { extractable: true });
    const publicJwk = { ...(await exportJWK(publicKey)), kid, alg: algorithm };
    this.keys.push({ kid, algorithm, privateKey, publicJwk });
  }

  /** A good token, but for what is given. */
  async token(
    claims: Readonly<Record<string, unknown>> = {},
    kid = this.keys.at(-1)?.kid,
  ): Promise<string> {
    const key = this.keys.find((one) => one.kid === kid);
    if (key === undefined) throw new Error(`there is no key ${kid}`);
    const nowSeconds = Math.floor(Date.now() / 1000);
    const all = {
      sub: 'alice',
      iss: 'https://id.test',
      aud: 'echo',
      exp: nowSeconds + 600,
      ...claims,
    };
    const given = Object.fromEntries(
      Object.entries(all).filter(([, value]) => value !== undefined),
    );
    return new SignJWT(given)
      .setProtectedHeader({ alg: key.algorithm, kid: key.kid })
      .sign(key.privateKey);
  }

  /** Serves, on the same port as before. */
  async listen(): Promise<void> {
    const server = createServer((_request, response) => {
      this.fetches += 1;
      const { status, body } = this.answer ?? { status: 200, body: this.jwks };
      response.writeHead(status, { 'content-type': 'application/json' }).end(body);
    });
    await new Promise<void>((resolve) => server.listen(this.port, '127.0.0.1', resolve));
    this.port = (server.address() as AddressInfo).port;
    this.server = server;
  }

  /** Is away. */
  async close(): Promise<void> {
    const { server } = this;
    this.server = undefined;
    if (server === undefined) return;
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
}
