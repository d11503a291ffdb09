import { type Command, Option } from 'commander';
import { openClientTls, setDefaultClientTls } from '@raftway/service-kit';

/** What {@link addTlsOptions} adds to a command's `optsWithGlobals()`. */
export interface TlsFlags {
  readonly tlsCa?: string;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly tlsName?: string;
}

/**
 * Gives a program the options for servers with TLS, in front of or behind a command's name. What they name is read before any command runs, and used
 * for all that it dials.
 */
export function addTlsOptions(program: Command): void {
  const file = (flag: string, variable: string, description: string): Option =>
    new Option(`${flag} <file>`, description).env(variable);
  program
    .addOption(
      file('--tls-ca', 'RAFTWAY_TLS_CA', 'dial with TLS, and trust these authorities (PEM)'),
    )
    .addOption(
      file('--tls-cert', 'RAFTWAY_TLS_CERT', 'the certificate that servers are shown (PEM)'),
    )
    .addOption(file('--tls-key', 'RAFTWAY_TLS_KEY', 'its private key (PEM)'))
    .option(
      '--tls-name <host>',
      'what the certificates of servers have to be for, such as lock-service behind a forwarded port (default: the host that is dialled)',
    )
    .hook('preAction', async () => {
      const { tlsCa, tlsCert, tlsKey, tlsName } = program.opts<TlsFlags>();
      const tls = await openClientTls({ ca: tlsCa, cert: tlsCert, key: tlsKey });
      setDefaultClientTls(tls, tlsName === undefined ? undefined : [tlsName]);
    });
}

/** The same files for the processes of a suite, which have options of the same names. */
export function tlsEnvironment({ tlsCa, tlsCert, tlsKey }: TlsFlags): Record<string, string> {
  const all = { RAFTWAY_TLS_CA: tlsCa, RAFTWAY_TLS_CERT: tlsCert, RAFTWAY_TLS_KEY: tlsKey };
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, path]) => (path === undefined ? [] : [[name, path]])),
  );
}
