import { greet } from './greeting';

describe('greet', () => {
  it.each([
    [['Ada'], 'Hello, Ada!'],
    [['Ada', 'Grace'], 'Hello, Ada and Grace!'],
    [['Ada', 'Grace', 'Edsger'], 'Hello, Ada, Grace and Edsger!'],
  ])('greets %j with "%s"', (names, greeting) => {
    expect(greet(...names)).toBe(greeting);
  });
});
