import type { PeerIdentity } from '@raftway/tls';

/**
 * Why a caller's certificate does not make it a member of this group; undefined when it does.
 *
 * The CA alone does not: it has signed for the other services, too, and a stranger that speaks of a higher term stops a group. Two things more are asked. The
 * certificates of both have a name in common, which the group's others have as well and nobody else: that of their service. And the caller's is for
 * the address at which it says, or is known, to be.
 *
 * @param ownNames this server's certificate's names.
 * @param addresses host:port, where the caller says that it listens and where it is known to.
 */
export function certificateFault(
  identity: PeerIdentity | undefined,
  ownNames: readonly string[],
  addresses: readonly string[],
): string | undefined {
  if (identity === undefined) return 'it has no certificate of the CA';
  const { names } = identity;
  if (!names.some((name) => ownNames.includes(name))) {
    return (
      `its certificate is for ${listed(names)}, this server's for ${listed(ownNames)}: ` +
      "give all replicas of the group one name in common, such as the service's"
    );
  }
  const hosts = addresses.map(hostOf);
  if (hosts.some((host) => identity.isFor(host))) return undefined;
  return `its certificate is for ${listed(names)} and not for ${hosts.join(' or ')}, where it listens`;
}

function listed(names: readonly string[]): string {
  return names.length === 0 ? 'no name' : names.join(', ');
}

function hostOf(address: string): string {
  return address.slice(0, address.lastIndexOf(':')).replace(/^\[(.*)\]$/, '$1');
}
