import { registry } from '@raftway/contracts';
import { table } from '../command/table';

const STATUSES: Partial<Record<registry.InstanceStatus, string>> = {
  [registry.InstanceStatus.UNSPECIFIED]: 'serving',
  [registry.InstanceStatus.SERVING]: 'serving',
  [registry.InstanceStatus.NOT_SERVING]: 'not serving',
  [registry.InstanceStatus.DRAINING]: 'draining',
};

const REASONS: Partial<Record<registry.RemovedInstance_Reason, string>> = {
  [registry.RemovedInstance_Reason.DEREGISTERED]: 'it deregistered',
  [registry.RemovedInstance_Reason.EXPIRED]: 'its lease expired',
};

/** Instances for people. */
export function renderInstances(instances: readonly registry.Instance[]): string {
  if (instances.length === 0) return 'Nothing is registered.';
  return table([
    ['SERVICE', 'INSTANCE', 'ADDRESS', 'STATUS', 'ZONE', 'VERSION', 'SERVES'],
    ...instances.map((one) => [
      one.service,
      one.instanceId,
      one.address,
      statusOf(one),
      one.zone === '' ? '-' : one.zone,
      one.version === '' ? '-' : one.version,
      one.grpcServices.join(', '),
    ]),
  ]);
}

/** An event of a watch as lines for people; progress says nothing new. */
export function describeEvent({ revision, event }: registry.WatchResponse): string[] {
  switch (event?.$case) {
    case 'snapshot':
      return event.value.instances.map((one) => `${revision}  =  ${describeInstance(one)}`);
    case 'delta':
      return [
        ...event.value.removals.map(
          ({ service, instanceId, reason }) =>
            `${revision}  -  ${service} ${instanceId}: ${REASONS[reason] ?? 'it left'}`,
        ),
        ...event.value.upserts.map((one) => `${revision}  +  ${describeInstance(one)}`),
      ];
    case 'reset':
      return [`${revision}  changes were missed (${event.value.reason}); all instances follow`];
    case 'progress':
    case undefined:
      return [];
  }
}

function describeInstance(one: registry.Instance): string {
  const zone = one.zone === '' ? '' : `, zone ${one.zone}`;
  return `${one.service} ${one.instanceId} at ${one.address}: ${statusOf(one)}${zone}`;
}

function statusOf({ status }: registry.Instance): string {
  return STATUSES[status] ?? 'unknown';
}
