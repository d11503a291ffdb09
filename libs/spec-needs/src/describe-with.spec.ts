import { describeWith } from './describe-with';

describe('specs that need something', () => {
  const complete = process.env['TEST_COMPLETE'];
  const written = jest.spyOn(process.stderr, 'write');

  beforeEach(() => {
    delete process.env['TEST_COMPLETE'];
    written.mockReset().mockReturnValue(true);
  });

  afterAll(() => {
    written.mockRestore();
    if (complete === undefined) delete process.env['TEST_COMPLETE'];
    else process.env['TEST_COMPLETE'] = complete;
  });

  it('run where nothing is missing', () => {
    expect(describeWith({ missing: undefined })).toBe(describe);
    expect(written).not.toHaveBeenCalled();
  });

  it('are skipped where it is missing, which is said', () => {
    expect(describeWith({ missing: 'no redis-server is installed' })).not.toBe(describe);
    expect(written).toHaveBeenCalledWith(
      'no redis-server is installed: the specs that need it are skipped\n',
    );
  });

  it('fail in the gate, which installs what they need', () => {
    process.env['TEST_COMPLETE'] = 'true';

    expect(() => describeWith({ missing: 'no redis-server is installed' })).toThrow(
      'no redis-server is installed, and TEST_COMPLETE=true lets no spec be skipped',
    );
  });

  it('may be skipped in the gate when it cannot install that', () => {
    process.env['TEST_COMPLETE'] = 'true';

    expect(describeWith({ missing: 'no kubectl', isInGate: false })).not.toBe(describe);
  });
});
