import { readFileSync } from 'node:fs';
import path from 'node:path';
import { K8S } from '../../support/manifests';
import { workloads } from '../../support/workloads';
import { type Rule, when } from './rule';

/** Which images run. */
export const imageRules: readonly Rule[] = [
  {
    name: 'our images are raftway/<app> in the version of the workspace, others have a version',
    problems: ({ objects }) => {
      const text = readFileSync(path.join(K8S, '..', 'package.json'), 'utf8');
      const { version } = JSON.parse(text) as { version: string };
      return workloads(objects).flatMap(({ app, name, container }) => {
        const image = String(container['image']);
        const isGood =
          app === undefined ? /:\d+\.\d+\.\d+/.test(image) : image === `raftway/${app}:${version}`;
        return when(!isGood, `${name} runs ${image}`);
      });
    },
  },
];
