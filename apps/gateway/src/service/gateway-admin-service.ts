import { gateway } from '@raftway/contracts';
import { invalidArgument, limitViolation } from '@raftway/errors';
import { implementService, type ServiceImplementation } from '@raftway/service-kit';
import { readTexts } from '../adapters/read-texts';
import {
  documentSet,
  type DocumentSet,
  type DocumentStatus,
  type DocumentTable,
  type ReadText,
} from '../domain/documents';
import * as refusal from '../domain/refusal';
import { endpointKey, type RoutingTable } from '../domain/routing-table';
import { explainCall, type ExplainContext } from './explain-call';
import { page } from './page';
import { differenceMessage, documentMessage, registeredRoute, ruleRoute } from './messages';

/** What the admin service shows and changes. */
export interface AdminContext extends ExplainContext {
  readonly table: RoutingTable;
  readonly documents: DocumentTable;
  /** Where documents come from; undefined when the admin API gives them. */
  readonly documentsPath: string | undefined;
  readonly isSetAside: (endpointKey: string) => boolean;
  /** Uses a set without problems from now on. */
  readonly apply: (set: DocumentSet) => void;
}

/** Files of one request. */
const filesMax = 20_000;
const headersMax = 256;
/** Problems in one refusal: they travel in trailers. */
const problemsMax = 20;

/** `GatewayAdminService`: for operators, on the admin port. */
export function gatewayAdminService(context: AdminContext): ServiceImplementation {
  const { table, documents } = context;
  let applied: readonly ReadText[] = [];

  const readAll = async (files: readonly gateway.DocumentFile[]): Promise<ReadText[]> => {
    const texts: ReadText[] = [];
    for (const file of files) texts.push(...(await readTexts(file, applied)));
    return texts;
  };

  return implementService(gateway.GatewayAdminServiceService, {
    listRoutes: ({ grpcService, pageSize, pageToken }) => {
      const entries = documents.current?.routes.entries ?? [];
      const routes = [
        ...entries.map((entry) => () => ruleRoute(entry, table)),
        ...table.list().map((route) => () => registeredRoute(route)),
      ];
      // Made when they are shown: a page of thousands costs a page.
      const wanted =
        grpcService === ''
          ? routes
          : routes.filter((make) => ['', grpcService].includes(make().grpcService));
      const { items, nextPageToken } = page(wanted, pageSize, pageToken);
      return { routes: items.map((make) => make()), nextPageToken };
    },

    listBackends: ({ service }) => {
      const names = table.serviceNames().filter((name) => service === '' || name === service);
      return { backends: names.map((name) => backendMessage(name, context)) };
    },

    applyDocuments: async ({ files, dryRun }) => {
      if (files.length > filesMax)
        throw invalidArgument(limitViolation('files', filesMax, files.length));
      if (context.documentsPath !== undefined && !dryRun)
        throw refusal.documentsFromFiles(context.documentsPath);
      const texts = await readAll(files);
      const set = documentSet(texts);
      if (set.problems.length > 0)
        throw invalidArgument(
          set.problems
            .slice(0, problemsMax)
            .map(({ where, message }) => ({ field: where, description: message })),
        );
      const { after, changes } = documents.compare(set);
      if (!dryRun) {
        context.apply(set);
        applied = texts;
      }
      const statuses = after.statuses((name) => table.isKnownService(name));
      return {
        ...differenceMessage(changes),
        statuses: statuses.map(documentMessage),
        generation: BigInt(documents.generation),
      };
    },

    listDocuments: ({ pageSize, pageToken }) => {
      const statuses: DocumentStatus[] =
        documents.current?.statuses((name) => table.isKnownService(name)) ?? [];
      const { items, nextPageToken } = page(statuses, pageSize, pageToken);
      return {
        documents: items.map(documentMessage),
        nextPageToken,
        generation: BigInt(documents.generation),
        problems: documents.problems.map(({ where, message }) => `${where} ${message}`),
      };
    },

    explainCall: (request) => {
      const count = Object.keys(request.headers).length;
      if (count > headersMax) throw invalidArgument(limitViolation('headers', headersMax, count));
      return explainCall(request, context);
    },
  });
}

function backendMessage(service: string, { table, isSetAside }: AdminContext): gateway.Backend {
  const instances = table.liveInstancesOf(service);
  return {
    service,
    instances: instances.map((instance) => ({
      instanceId: instance.instanceId,
      address: instance.address,
      weight: instance.weight,
      setAside: isSetAside(endpointKey(instance)),
    })),
    grpcServices: table
      .list()
      .filter((route) => route.service === service)
      .map(({ grpcService }) => grpcService),
  };
}
