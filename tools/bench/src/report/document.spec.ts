import { withSection } from './document';

describe('withSection', () => {
  it('begins a document with the method', () => {
    const document = withSection('', 'locks', 'some locks');

    expect(document).toMatch(/^# Benchmarks\n/);
    expect(document).toContain('## Method');
    expect(document).toContain('some locks');
  });

  it('replaces one section and keeps the others, in a fixed order', () => {
    const first = withSection(withSection('', 'raft', 'old raft'), 'locks', 'some locks');

    const second = withSection(first, 'raft', 'new raft');

    expect(second).not.toContain('old raft');
    expect(second.indexOf('some locks')).toBeGreaterThan(0);
    expect(second.indexOf('new raft')).toBeGreaterThan(second.indexOf('some locks'));
    expect(second.match(/## Method/g)).toHaveLength(1);
  });
});
