import { configurationOf } from '../../test/core-harness';
import { bootstrapEntry, decodeConfiguration, encodeConfiguration } from './configuration';
import { Configurations } from './configurations';
import type { Member } from './types';

describe('a configuration as bytes', () => {
  it('comes back as it was', () => {
    expect(decodeConfiguration(encodeConfiguration(configurationOf(3)))).toEqual(
      configurationOf(3),
    );
  });

  it('has the same bytes on every server, in whatever order its members are given', () => {
    const { clusterId, members } = configurationOf(3);

    const shuffled = bootstrapEntry({ clusterId, members: [...members].reverse() });

    expect(shuffled).toEqual(bootstrapEntry(configurationOf(3)));
  });

  it('is version 1 without transitions, as it was before there were any', () => {
    const before =
      '{"version":1,"clusterId":"c","members":[{"id":1,"address":"a:1","voter":true}]}';
    const members = [{ id: 1, address: 'a:1', voter: true }];

    expect(new TextDecoder().decode(encodeConfiguration({ clusterId: 'c', members }))).toBe(before);
    expect(decodeConfiguration(new TextEncoder().encode(before))).toEqual({
      clusterId: 'c',
      members,
    });
  });

  it('is version 2 with transitions, and comes back with them', () => {
    const members: Member[] = [
      { id: 1, address: 'a:1', voter: true, transition: 'outgoing' },
      { id: 2, address: 'b:1', voter: true, transition: 'incoming' },
      { id: 3, address: 'c:1', voter: true, transition: 'demoted' },
      { id: 4, address: 'd:1', voter: false, transition: 'joining' },
    ];

    const bytes = encodeConfiguration({ clusterId: 'c', members });

    expect(new TextDecoder().decode(bytes)).toContain('"version":2');
    expect(decodeConfiguration(bytes)).toEqual({ clusterId: 'c', members });
  });

  it('of a version that is not known is refused', () => {
    const bytes = new TextEncoder().encode('{"version":9,"clusterId":"","members":[]}');

    expect(() => decodeConfiguration(bytes)).toThrow('version 9');
  });
});

describe('a first configuration', () => {
  const member = { address: 'a:1', voter: true };

  it.each([
    [
      'an id of its own',
      [
        { ...member, id: 1 },
        { ...member, id: 1 },
      ],
    ],
    ['at least one voter', [{ ...member, id: 1, voter: false }]],
    ['at least 1', [{ ...member, id: 0 }]],
  ])('must have members with %s', (rule, members) => {
    expect(() => bootstrapEntry({ clusterId: '', members })).toThrow(rule);
  });
});

describe('Configurations', () => {
  it('are in force when appended, and back when cut (C2)', () => {
    const configurations = new Configurations();
    configurations.add(1, configurationOf(3));
    configurations.add(7, configurationOf(5));
    expect(configurations.voters).toEqual([1, 2, 3, 4, 5]);

    configurations.truncateFrom(7);

    expect(configurations.voters).toEqual([1, 2, 3]);
  });

  it('say what was in force at an index', () => {
    const configurations = new Configurations();
    configurations.add(1, configurationOf(1));
    configurations.add(7, configurationOf(3));

    expect(configurations.at(6)).toEqual(configurationOf(1));
    expect(configurations.at(7)).toEqual(configurationOf(3));
  });
});
