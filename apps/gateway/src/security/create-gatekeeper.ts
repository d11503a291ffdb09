import { installRegistryResolver, REGISTRY_SCHEME, type ServiceView } from '@raftway/discovery';
import { type ServerTls } from '@raftway/tls';
import { Authorizer } from './authorizer';
import { Gatekeeper, type GatekeeperSettings } from './gatekeeper';

/** What the gateway has that policies need. */
export type GatekeeperDependencies = Omit<
  GatekeeperSettings,
  'authorizer' | 'asksCertificates' | 'wallMs'
> & {
  readonly view: ServiceView;
  readonly tls: ServerTls | undefined;
};

/** Builds the gatekeeper; nothing happens before policies come. */
export function createGatekeeper({ view, tls, ...rest }: GatekeeperDependencies): Gatekeeper {
  return new Gatekeeper({
    ...rest,
    wallMs: Date.now,
    asksCertificates: tls !== undefined && tls.clientAuth !== 'none',
    authorizer: ({ id, externalAuthorization }) => {
      if (externalAuthorization === undefined) return undefined;
      // Channels keep the view that was there when they were made.
      if (externalAuthorization.target.startsWith(`${REGISTRY_SCHEME}:`))
        installRegistryResolver(view);
      return new Authorizer(id, externalAuthorization, tls?.source);
    },
  });
}
