import { namesOf } from './credentials';

describe('the names of a certificate', () => {
  it('are those of hosts, addresses and URIs', () => {
    expect(namesOf('DNS:registry, IP Address:10.0.0.1, URI:spiffe://raftway/registry')).toEqual([
      'DNS:registry',
      'IP Address:10.0.0.1',
      'URI:spiffe://raftway/registry',
    ]);
  });

  it('are none without any', () => {
    expect(namesOf(undefined)).toEqual([]);
  });

  it('are not taken out of the middle of another name', () => {
    expect(namesOf('URI:"http://a, DNS:registry, b", DNS:greeter')).toEqual(['DNS:greeter']);
    expect(namesOf('DNS:"a\\", DNS:registry, b"')).toEqual([]);
  });

  it('are none of a kind that two may share without being alike', () => {
    expect(namesOf('othername:<unsupported>, email:operator@example.org')).toEqual([]);
  });
});
