import { randomText } from './random-text';

describe('randomText', () => {
  it('is sixteen characters that fit into a URL', () => {
    expect(randomText()).toMatch(/^[A-Za-z0-9_-]{16}$/);
  });

  it('never comes twice, however many are asked for', () => {
    const texts = Array.from({ length: 5_000 }, () => randomText());

    expect(new Set(texts).size).toBe(5_000);
  });
});
