import { quota, rate } from '../../../test/support/limit-settings';
import { redisKey, verdictOf } from './limit-script';

describe('the key of a count', () => {
  it('names its limit, and what was sent by its digest only', () => {
    const few = rate('few', 1, 1000);

    expect(redisKey('p:', { limit: few, key: 'secret', cost: 1 })).toMatch(
      /^p:rate:default\/api\/few:[\w-]{22}$/,
    );
    expect(redisKey('p:', { limit: few, key: undefined, cost: 1 })).toBe(
      'p:rate:default/api/few:others',
    );
    expect(redisKey('p:', { limit: quota('few', 1, 'day'), key: '', cost: 1 })).toMatch(
      /^p:quota:day:default\/api\/few:/,
    );
  });
});

describe('what the script answers', () => {
  it.each([[undefined], ['OK'], [[]], [[1.5, '0', '0']], [[1, 'soon', '0']]])(
    'is not %j',
    (reply) => {
      expect(() => verdictOf(reply)).toThrow(TypeError);
    },
  );
});
