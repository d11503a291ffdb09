import { createScanner, LanguageVariant, ScriptTarget, SyntaxKind } from 'typescript';
import { Refusal } from './refusal';

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;
/** Kubernetes allows 63 characters in a name, some of which go into the names of pods. */
const NAME_LENGTH_MAX = 40;

/** The names of a project, in every spelling that its files need. */
export interface Names {
  /** `price-list`: folder, package, image, Kubernetes objects, and the name in the registry. */
  readonly name: string;
  /** `PriceList` */
  readonly pascal: string;
  /** `priceList`: what `@raftway/contracts` exports. */
  readonly camel: string;
  /** `price_list`: in protos. */
  readonly snake: string;
}

/** The names of something new. @throws Refusal for a name that would not fit everywhere. */
export function namesOf(name: string): Names {
  if (!NAME.test(name)) {
    throw new Refusal(
      `"${name}" is no name: it has lower-case letters, digits and single hyphens, and begins with a letter, such as price-list.`,
    );
  }
  if (name.length > NAME_LENGTH_MAX) {
    throw new Refusal(
      `"${name}" has ${name.length} characters: a name has ${NAME_LENGTH_MAX} at most.`,
    );
  }
  const words = name.split('-');
  const pascal = words.map(capitalized).join('');
  const camel = uncapitalized(pascal);
  if (!isIdentifier(camel)) {
    throw new Refusal(`"${camel}" is a word of TypeScript: choose another name.`);
  }
  return { name, pascal, camel, snake: words.join('_') };
}

/** @throws Refusal for a method that is not spelled as gRPC's methods are. */
export function methodNamed(method: string): { readonly method: string; readonly camel: string } {
  if (!/^[A-Z][A-Za-z0-9]{0,63}$/.test(method)) {
    throw new Refusal(
      `"${method}" is no name of a method: it begins with a capital and has up to 64 letters and digits, such as GetOrder.`,
    );
  }
  return { method, camel: uncapitalized(method) };
}

/** `GetOrder` → `get-order`. */
export function hyphenated(method: string): string {
  return method.replace(/(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])/g, '-').toLowerCase();
}

/** `order` → `Order`. */
export function capitalized(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

function uncapitalized(word: string): string {
  return word.charAt(0).toLowerCase() + word.slice(1);
}

function isIdentifier(word: string): boolean {
  const scanner = createScanner(ScriptTarget.Latest, true, LanguageVariant.Standard, word);
  // Words such as `type`, which TypeScript allows as names, come after the reserved ones.
  const kind = scanner.scan();
  return kind === SyntaxKind.Identifier || kind > SyntaxKind.LastReservedWord;
}
