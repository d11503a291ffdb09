import path from 'node:path';
import { kustomize } from '../support/kubectl';
import { componentSets, K8S, OVERLAYS, withComponents } from '../support/manifests';
import { byName } from './by-name';
import { render } from './render';

describe('rendering, beside the real kustomize', () => {
  it.each(OVERLAYS)('gives what it gives for overlays/%s', (overlay) => {
    const directory = path.join(K8S, 'overlays', overlay);

    expect(byName(render(directory))).toEqual(byName(kustomize(directory)));
  });

  it('gives what it gives for every set of components', () => {
    for (const set of componentSets()) {
      const [ours, theirs] = withComponents(set, (directory) => [
        render(directory),
        kustomize(directory),
      ]);

      expect(byName(ours)).toEqual(byName(theirs));
    }
  });
});
