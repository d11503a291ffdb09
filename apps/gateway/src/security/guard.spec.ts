import { ServiceError } from '@raftway/errors';
import { type HeaderPairs } from '@raftway/http2';
import { silentLogger } from '@raftway/observability';
import { TokenIssuer } from '../../test/support/token-issuer';
import { type SecuritySettings } from '../domain/documents';
import { type CallFacts } from './call-facts';
import { Guard, type Judgement } from './guard';

const issuer = new TokenIssuer();
let nowMs = Date.now();
const none: ReadonlySet<string> = new Set();

beforeAll(() => issuer.addKey('first'));

function createGuard(more: Partial<SecuritySettings> = {}): Guard {
  const trusted = issuer.trusted();
  const settings = {
    id: 'p',
    jwt: { header: 'authorization', forward: false, issuers: [trusted.settings] },
    anonymous: false,
    ...more,
  } as unknown as SecuritySettings;
  return new Guard(settings, {
    ...{ issuers: [trusted], authorizer: undefined, asksCertificates: false },
    ...{ logger: silentLogger(), wallMs: () => nowMs },
  });
}

function call(headers: HeaderPairs, certificateNames?: readonly string[]): CallFacts {
  return {
    path: { grpcService: 'a.B', method: 'C' },
    ...{ headers, clientAddress: '', timeoutMs: undefined },
    certificateNames: () => certificateNames,
  };
}

function reasonOf(judgement: Judgement): string {
  return 'error' in judgement ? judgement.error.reason : 'admitted';
}

it('what a call shows beside a good token is worth nothing by itself', async () => {
  const guard = createGuard();
  const token = `Bearer ${await issuer.token()}`;
  const judged = async (...values: readonly string[]): Promise<string> =>
    reasonOf(await guard.judge(call(values.flatMap((value) => ['authorization', value])), none));

  // Twice, as what was found out is remembered.
  for (let times = 0; times < 2; times += 1) {
    expect(await judged('Basic YTpi', token)).toBe('admitted');
    expect(await judged(token, 'Basic YTpi')).toBe('admitted');
    expect(await judged('Basic YTpi')).toBe('CREDENTIALS_MISSING');
    expect(await judged(token, token)).toBe('TOKEN_INVALID');
    expect(await judged(token)).toBe('admitted');
  }
});

it('calls that are alike share what they go on with, as long as the same is told and the token is good', async () => {
  const guard = createGuard();
  const headers = ['authorization', `Bearer ${await issuer.token({ sub: 'ann' })}`, 'x-a', '1'];
  const admitted = async (told = none, list: HeaderPairs = headers): Promise<HeaderPairs> => {
    const judgement = await guard.judge(call(list), told);
    if ('error' in judgement) throw judgement.error;
    return judgement.headers;
  };

  const first = await admitted();

  expect(first).toContain('ann');
  expect(await admitted()).toBe(first);
  expect(await admitted(new Set(['x-a']))).not.toContain('x-a');
  expect(await admitted()).toEqual(first);
  const bob = ['authorization', `Bearer ${await issuer.token({ sub: 'bob' })}`, 'x-a', '1'];
  expect(await admitted(none, bob)).toContain('bob');

  nowMs += 24 * 3_600_000;
  await expect(admitted()).rejects.toBeInstanceOf(ServiceError);
});

it('calls with the same headers are those of the certificate that each has shown', async () => {
  const mtls = { names: [() => true] };
  const guard = createGuard({ jwt: undefined, mtls });
  const headers = ['x-a', '1'];
  const principals = async (name: string): Promise<HeaderPairs> => {
    const judgement = await guard.judge(call(headers, [name]), none);
    return 'error' in judgement ? [] : judgement.headers;
  };

  expect(await principals('DNS:ann')).toContain('DNS:ann');
  expect(await principals('DNS:bob')).toContain('DNS:bob');
});
