import { styleText } from 'node:util';

/** How words are marked; without colours every function yields its text. */
export interface Style {
  readonly good: (text: string) => string;
  readonly doubtful: (text: string) => string;
  readonly bad: (text: string) => string;
  readonly strong: (text: string) => string;
  readonly faint: (text: string) => string;
}

type Format = Parameters<typeof styleText>[0];

/** Colours that are readable on light and dark terminals, or none. */
export function styleFor(hasColors: boolean): Style {
  const mark =
    (format: Format) =>
    (text: string): string =>
      hasColors ? styleText(format, text, { validateStream: false }) : text;
  return {
    good: mark('green'),
    doubtful: mark('yellow'),
    bad: mark('red'),
    strong: mark('bold'),
    faint: mark('dim'),
  };
}
