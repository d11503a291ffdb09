import { Command } from 'commander';
import { health } from '@raftway/contracts';
import { createClient, setDefaultClientTls } from '@raftway/service-kit';
import { startTestServer, type TestServer } from '@raftway/service-kit/testing';
import { TlsSource } from '@raftway/tls';
import { TestAuthority, type TestFiles } from '@raftway/tls/testing';
import { addTlsOptions, tlsEnvironment, type TlsFlags } from './tls-options';

let authority: TestAuthority;
let files: TestFiles;
let source: TlsSource;
let served: TestServer;

beforeAll(async () => {
  authority = await TestAuthority.create();
  files = await authority.issue();
  source = await TlsSource.open(files);
  served = await startTestServer({ services: [], tls: { source, clientAuth: 'require' } });
});

afterEach(() => {
  setDefaultClientTls(undefined);
  for (const name of ['CA', 'CERT', 'KEY']) delete process.env[`RAFTWAY_TLS_${name}`];
});

afterAll(async () => {
  await served.stop();
  source.close();
  await authority.remove();
});

/** What a command hears that asks the server how it is. */
async function ask(words: readonly string[]): Promise<string> {
  let heard = 'nothing';
  const program = new Command('raftway').exitOverride();
  addTlsOptions(program);
  const group = program.command('group');
  group
    .command('ask')
    .requiredOption('--server <host:port>', 'whom')
    .action(async ({ server }: { server: string }) => {
      const settings = { attemptsMax: 1, shareChannel: false };
      const client = createClient(health.HealthService, server, settings);
      heard = await client.check({ service: '' }).then(
        ({ status }) => health.healthCheckResponse_ServingStatusToJSON(status),
        (error: Error) => error.message,
      );
      client.close();
    });
  await program.parseAsync(words, { from: 'user' });
  return heard;
}

const question = () => ['group', 'ask', '--server', served.server.address];
const flags = () => [
  ...['--tls-ca', files.ca],
  ...['--tls-cert', files.identity.certificate],
  ...['--tls-key', files.identity.privateKey],
];

it('a command dials with the certificates of its options, wherever they stand', async () => {
  expect(await ask([...flags(), ...question()])).toBe('SERVING');
  expect(await ask([...question(), ...flags()])).toBe('SERVING');
});

it('a command checks the server for the name that it is given instead of the host', async () => {
  const otherFiles = await authority.issue({ names: ['lock-service'] });
  const other = await TlsSource.open(otherFiles);
  const tls = { source: other, clientAuth: 'require' as const };
  const forwarded = await startTestServer({ services: [], tls });
  const asked = ['group', 'ask', '--server', forwarded.server.address, ...flags()];

  expect(await ask([...asked, '--tls-name', 'lock-service'])).toBe('SERVING');
  expect(await ask([...asked, '--tls-name', 'id-service'])).toContain('id-service');
  expect(await ask(asked)).toContain('127.0.0.1');

  await forwarded.stop();
  other.close();
});

it('a command dials with those of the environment', async () => {
  process.env['RAFTWAY_TLS_CA'] = files.ca;
  process.env['RAFTWAY_TLS_CERT'] = files.identity.certificate;
  process.env['RAFTWAY_TLS_KEY'] = files.identity.privateKey;

  expect(await ask(question())).toBe('SERVING');
});

it('a command without them speaks plaintext, and learns that it may not', async () => {
  expect(await ask(question())).not.toBe('SERVING');
});

it('a command without a certificate is told that the server wants one', async () => {
  expect(await ask([...question(), '--tls-ca', files.ca])).toContain(
    'the server wants a client certificate',
  );
});

it('no command runs with files that are no good', async () => {
  await expect(ask([...question(), '--tls-ca', '/nowhere'])).rejects.toThrow(
    'TLS cannot be set up: /nowhere cannot be read: ENOENT',
  );
});

it('a command that starts processes hands the files on to them, wherever they were named', async () => {
  process.env['RAFTWAY_TLS_KEY'] = files.identity.privateKey;
  let environment: Record<string, string> = {};
  const program = new Command('raftway').exitOverride();
  addTlsOptions(program);
  program.command('start').action((_flags: unknown, command: Command) => {
    environment = tlsEnvironment(command.optsWithGlobals<TlsFlags>());
  });
  const words = ['--tls-ca', files.ca, 'start', '--tls-cert', files.identity.certificate];

  await program.parseAsync(words, { from: 'user' });

  expect(environment).toEqual({
    RAFTWAY_TLS_CA: files.ca,
    RAFTWAY_TLS_CERT: files.identity.certificate,
    RAFTWAY_TLS_KEY: files.identity.privateKey,
  });
});
