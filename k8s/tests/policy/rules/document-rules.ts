import { listAt } from '../../render/kube-object';
import { environment, workloads } from '../../support/workloads';
import { type Rule, when } from './rule';

/** Where a gateway's documents come from, as far as that is in the manifests. */
export const documentRules: readonly Rule[] = [
  {
    name: 'documents of a gateway are a ConfigMap, mounted as a directory that follows it',
    problems: ({ objects }) =>
      workloads(objects).flatMap((workload) => {
        const path = environment(objects, workload).get('RAFTWAY_DOCUMENTS') ?? '';
        if (!path.startsWith('/')) return [];
        const mount = listAt(workload.container, 'volumeMounts').find(
          ({ mountPath }) => mountPath === path,
        );
        const volume = listAt(workload.pod, 'volumes').find(({ name }) => name === mount?.['name']);
        return [
          ...when(
            volume?.['configMap'] === undefined,
            `finds no documents of a ConfigMap in ${path}`,
          ),
          ...when(mount?.['subPath'] !== undefined, 'never sees changed documents'),
          ...when(mount !== undefined && mount['readOnly'] !== true, 'can write to its documents'),
        ].map((problem) => `${workload.name} ${problem}`);
      }),
  },
];
