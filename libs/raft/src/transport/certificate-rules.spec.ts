import { certificateFault } from './certificate-rules';

const own = ['DNS:registry', 'DNS:registry-0.peers.raftway.svc'];

/** A caller with a certificate for these host names. */
function caller(...hosts: string[]) {
  return {
    names: hosts.map((host) => `DNS:${host}`),
    isFor: (host: string) => hosts.includes(host),
  };
}

describe('a caller is let in by its certificate', () => {
  it('when it shares a name with ours and is for where the caller listens', () => {
    const peer = caller('registry', 'registry-1.peers.raftway.svc');

    expect(certificateFault(peer, own, ['registry-1.peers.raftway.svc:51061'])).toBeUndefined();
  });

  it('when it is for one of the addresses, of which the other is old', () => {
    const peer = caller('registry', 'new');

    expect(certificateFault(peer, own, ['new:1', 'old:1'])).toBeUndefined();
  });

  it('when it is for an IPv6 address', () => {
    const peer = { names: ['DNS:registry'], isFor: (host: string) => host === '::1' };

    expect(certificateFault(peer, own, ['[::1]:51061'])).toBeUndefined();
  });
});

describe('a caller is refused', () => {
  it('without a certificate', () => {
    expect(certificateFault(undefined, own, ['registry-1:1'])).toBe(
      'it has no certificate of the CA',
    );
  });

  it('with a certificate of another service', () => {
    expect(certificateFault(caller('greeter', 'evil'), own, ['evil:1'])).toBe(
      "its certificate is for DNS:greeter, DNS:evil, this server's for DNS:registry, DNS:registry-0.peers.raftway.svc: " +
        "give all replicas of the group one name in common, such as the service's",
    );
  });

  it('with a certificate of the service that is not for where it listens', () => {
    expect(certificateFault(caller('registry'), own, ['registry-1:1'])).toBe(
      'its certificate is for DNS:registry and not for registry-1, where it listens',
    );
  });
});
