import fc from 'fast-check';
import { type DocumentSet, documentSet, readText } from './document-set';
import { readDocument } from './read-documents';

function read(name: string, target: string) {
  const text = `apiVersion: gateway.networking.k8s.io/v1
kind: GRPCRoute
metadata: { name: ${name} }
spec: { rules: [{ backendRefs: [{ name: ${target} }] }] }
`;
  return readText(`${name}-${target}.yaml`, { line: 1, text }, readDocument(text));
}

describe('documentSet', () => {
  it('finds of a set that follows another what it finds of it alone', () => {
    const known = ['a', 'b', 'c'].flatMap((name) => ['x', 'y'].map((target) => read(name, target)));
    const texts = fc.array(fc.constantFrom(...known), { maxLength: 4 });
    let refused = 0;
    fc.assert(
      fc.property(fc.array(texts, { minLength: 2, maxLength: 6 }), (sets) => {
        let before: DocumentSet | undefined;
        for (const set of sets) {
          before = documentSet(set, before);
          expect(before).toEqual(documentSet(set));
          expect(documentSet(set, before)).toEqual(before);
          refused += before.problems.length;
        }
      }),
    );
    expect(refused).toBeGreaterThan(0);
  });

  it('tells of a hundred documents with the name of another, and of no more', () => {
    const { problems } = documentSet(Array.from({ length: 300 }, () => read('a', 'x')));

    expect(problems).toHaveLength(100);
  });
});
