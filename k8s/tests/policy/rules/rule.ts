import type { Rendering } from '../../support/manifests';

/** Something that has to hold for every rendering; yields one sentence for each place where it does not. */
export interface Rule {
  readonly name: string;
  readonly problems: (rendering: Rendering) => string[];
}

/** The sentence, if it is true. */
export function when(isProblem: boolean, sentence: string): string[] {
  return isProblem ? [sentence] : [];
}
