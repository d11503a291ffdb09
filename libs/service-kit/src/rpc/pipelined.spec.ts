import { pipelined } from './pipelined';

/** Work that ends when the spec says so. */
class Work {
  readonly begun: number[] = [];
  private readonly endings = new Map<number, () => void>();

  handle = (input: number): Promise<string> => {
    this.begun.push(input);
    return new Promise((resolve) => this.endings.set(input, () => resolve(`answer ${input}`)));
  };

  end(input: number): void {
    this.endings.get(input)?.();
  }
}

async function* numbers(count: number): AsyncGenerator<number> {
  for (let n = 1; n <= count; n += 1) yield n;
}

const nextTurn = () => new Promise((resolve) => setImmediate(resolve));

describe('pipelined', () => {
  it('answers in the order of the elements, whichever is done first', async () => {
    const work = new Work();
    const answers = pipelined(numbers(2), 10, work.handle);
    const first = answers.next();
    await nextTurn();

    work.end(2);
    work.end(1);

    expect((await first).value).toBe('answer 1');
    expect((await answers.next()).value).toBe('answer 2');
    expect((await answers.next()).done).toBe(true);
  });

  it('begins no more than the window allows', async () => {
    const work = new Work();
    const answers = pipelined(numbers(5), 2, work.handle);
    const first = answers.next();
    await nextTurn();
    expect(work.begun).toEqual([1, 2]);

    work.end(1);
    await first;
    const second = answers.next();
    await nextTurn();

    expect(work.begun).toEqual([1, 2, 3]);
    work.end(2);
    await second;
    await answers.return(undefined);
  });

  it('answers what has been asked while the source waits for its next element', async () => {
    async function* oneThenNothing(): AsyncGenerator<number> {
      yield 1;
      await new Promise(() => undefined);
    }
    const answers = pipelined(oneThenNothing(), 10, (input) => Promise.resolve(input));

    expect((await answers.next()).value).toBe(1);
    await answers.return(undefined);
  });

  it('throws the error of an element in its turn, after the answers before it', async () => {
    const answers = pipelined(numbers(2), 10, (input) =>
      input === 2 ? Promise.reject(new Error('two')) : nextTurn().then(() => input),
    );

    expect((await answers.next()).value).toBe(1);
    await expect(answers.next()).rejects.toThrow('two');
  });

  it('throws what the source throws, and lets go of the source when its reader stops early', async () => {
    let letGo = false;
    async function* failing(): AsyncGenerator<number> {
      yield 1;
      throw new Error('reset');
    }
    async function* watched(): AsyncGenerator<number> {
      try {
        yield* numbers(5);
      } finally {
        letGo = true;
      }
    }

    await expect(
      (async () => {
        for await (const _answer of pipelined(failing(), 1, (n) => Promise.resolve(n)));
      })(),
    ).rejects.toThrow('reset');
    for await (const _answer of pipelined(watched(), 1, (n) => Promise.resolve(n))) break;
    await nextTurn();

    expect(letGo).toBe(true);
  });
});
